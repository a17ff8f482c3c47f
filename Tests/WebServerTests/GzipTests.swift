import CZlib
import Testing

@testable import WebServer

/// What gzip made of bytes, undone; `nil` where it is no whole gzip stream.
func inflated(_ bytes: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    var status = Z_OK
    var input = bytes
    withUnsafeTemporaryAllocation(of: z_stream.self, capacity: 1) { streams in
        streams.initialize(repeating: z_stream())
        guard let stream = streams.baseAddress else { return }
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return }
        defer { inflateEnd(stream) }
        input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            var chunk = [UInt8](repeating: 0, count: 65536)
            repeat {
                chunk.withUnsafeMutableBufferPointer { chunk in
                    stream.pointee.next_out = chunk.baseAddress
                    stream.pointee.avail_out = UInt32(chunk.count)
                    status = inflate(stream, Z_NO_FLUSH)
                }
                result += chunk[..<(chunk.count - Int(stream.pointee.avail_out))]
            } while status == Z_OK
        }
    }
    return status == Z_STREAM_END ? result : nil
}

@Suite struct GzipTests {
    // The macros of the tests copy what they look at, and a stream cannot be copied.
    private func compressed(_ bytes: [UInt8]) -> [UInt8]? { Gzip(level: 1)?.compress(bytes) }

    @Test(arguments: [0, 1, 17, 65_536, 1_000_003])
    func roundTrip(count: Int) throws {
        // Bytes that compress badly, so that zlib's bound is tried too.
        var state: UInt64 = 1
        let bytes = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let result = try #require(compressed(bytes))
        #expect(result.starts(with: [0x1f, 0x8b]))
        #expect(inflated(result) == bytes)
    }

    @Test func textShrinks() throws {
        let text = Array(String(repeating: "pg_stat_database_xact_commit{datname=\"app\"} 1\n", count: 1000).utf8)
        let result = try #require(compressed(text))
        #expect(result.count * 20 < text.count)
        #expect(inflated(result) == text)
    }

    @Test func aLevelThatIsNone() {
        let isMade = Gzip(level: 99) != nil
        #expect(!isMade)
    }
}
