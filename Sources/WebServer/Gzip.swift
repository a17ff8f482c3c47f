import CZlib

/// A gzip stream of zlib's for one page.
///
/// It is not kept between pages: its 260 KiB are more than all else that an idle server holds, and making it costs far
/// less than using it.
struct Gzip: ~Copyable {
    // zlib's state points back at the stream, so that it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// `nil` where there is no memory left.
    init?(level: Int32) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        guard czlib_gzip_init(stream, level) == Z_OK else {
            stream.deallocate()
            return nil
        }
        // Last, since from here on a failure would run the deinit as well.
        self.stream = stream
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The whole of `bytes` as one gzip member; `nil` where zlib refuses, which it has no reason to.
    consuming func compress(_ bytes: [UInt8]) -> [UInt8]? {
        guard let count = UInt32(exactly: bytes.count), let bound = UInt32(exactly: deflateBound(stream, UInt(count)))
        else { return nil }
        let stream = stream
        var status = Z_OK
        let compressed = bytes.withUnsafeBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: Int(bound)) { output, produced in
                // zlib declares its input mutable and leaves it alone.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.pointee.avail_in = count
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = bound
                status = deflate(stream, Z_FINISH)
                produced = Int(bound - stream.pointee.avail_out)
            }
        }
        return status == Z_STREAM_END ? compressed : nil
    }
}
