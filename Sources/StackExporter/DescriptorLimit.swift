import Glibc

/// Lets this process open as many files as its user may: some are kept open for each container. The limit starts low for
/// the sake of programs that use `select`, which cannot do with more than 1,024.
///
/// - Returns: How many that is.
@discardableResult
func raiseDescriptorLimit() -> UInt {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0 else { return 0 }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(resource, &limit)
    return limit.rlim_cur
}
