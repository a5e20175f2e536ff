import CMalloc

/// How the process takes memory from the system and gives it back.
public enum ProcessMemory {
    /// Makes blocks from 256 KB on go back to the system as soon as they are freed, from now on. Without this the
    /// allocator keeps larger and larger ones (malloc's threshold adapts), which is faster but lets a process with a
    /// bound on its state grow well beyond it.
    public static func returnLargeBlocks() { _ = mallopt(M_MMAP_THRESHOLD, 256 << 10) }
}
