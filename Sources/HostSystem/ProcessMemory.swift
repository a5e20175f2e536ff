import CMalloc

/// How the process takes memory from the system and gives it back.
public enum ProcessMemory {
    /// Makes blocks from 4 MB on go back to the system as soon as they are freed, from now on. Without this the
    /// allocator keeps larger and larger ones (malloc's threshold adapts), which is faster but lets a process with a
    /// bound on its state grow well beyond it. A lower bound costs more than it saves: state beyond memory comes and
    /// goes in blocks of some hundred kilobytes, and each page of a block from the system is a fault.
    public static func returnLargeBlocks() {
        _ = mallopt(M_MMAP_THRESHOLD, 4 << 20)
        // Blocks that one thread has freed serve the next one that asks: tasks move from thread to thread.
        _ = mallopt(M_ARENA_MAX, 1)
    }

    /// Gives back what has been freed and kept. Cost: a look at all free blocks, some milliseconds for gigabytes.
    public static func returnFreedBlocks() { _ = malloc_trim(1 << 20) }
}
