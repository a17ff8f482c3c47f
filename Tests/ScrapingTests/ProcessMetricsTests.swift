import Exposition
import Foundation
import Testing

@testable import Scraping

struct ProcessMetricsTests {
    @Test func tellsOfThisProcess() throws {
        let families = ProcessMetrics().families()
        func value(_ name: String) throws -> Double {
            let family = try #require(families.first { $0.descriptor.name == name })
            guard case .number(let value)? = family.samples.first?.value else { return .nan }
            return value
        }
        #expect(try value("process_resident_memory_bytes") > 1_048_576)
        #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(try value("process_cpu_seconds_total") > 0)
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_max_fds") >= 64)
        let now = Date().timeIntervalSince1970
        #expect(try abs(now - value("process_start_time_seconds")) < 3600)
    }
}
