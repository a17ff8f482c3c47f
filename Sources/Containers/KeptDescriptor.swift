import Scraping

/// How many file descriptors may still be kept open.
///
/// Reading a kept descriptor costs a tenth of opening the file anew, but each also costs the kernel a page, which the
/// container of the exporter pays for.
final class DescriptorBudget {
    private(set) var free: Int

    init(_ limit: Int) {
        free = limit
    }

    /// Keeps a file open, or closes it where none is free.
    func keep(_ file: consuming File) -> KeptDescriptor? {
        guard free > 0 else { return nil }
        free -= 1
        return KeptDescriptor(file, of: self)
    }

    fileprivate func release() {
        free += 1
    }
}

/// A cgroup file kept open from scrape to scrape; it goes back to the budget with its owner.
///
/// It neither hinders the removal of the cgroup nor survives it: reads then fail with `ENODEV`, also when a cgroup of the
/// same name has come since.
final class KeptDescriptor {
    let file: File
    private let budget: DescriptorBudget

    fileprivate init(_ file: consuming File, of budget: DescriptorBudget) {
        self.file = file
        self.budget = budget
    }

    deinit {
        budget.release()
    }
}
