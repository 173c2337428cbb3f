//! The working memory of argon2, kept between calls.

use argon2::Block;
use zeroize::Zeroize as _;

/// Blocks of 1 KiB that one worker thread lends to every hash it computes.
///
/// Taking 19 MiB from the OS and giving it back costs a good part of a hash in page faults, so each worker keeps
/// its own. What an imported hash needed beyond the configured size is given back after that call, else one
/// costly import would pin its memory in every worker. The content derives from passwords: it is wiped whenever
/// it is given back, and on drop. It is not wiped between calls, because the next call overwrites it.
pub struct WorkMemory {
    blocks: Vec<Block>,
    keep: usize,
}

impl WorkMemory {
    /// Working memory that keeps up to `keep_kib` KiB between calls. Nothing is taken before the first use.
    ///
    /// Use [`super::Hasher::work_memory`] to have it sized for the configured algorithm.
    #[must_use]
    pub const fn new(keep_kib: u32) -> Self {
        // The cast widens on every platform that Rust's std knows but the 16-bit ones.
        Self { blocks: Vec::new(), keep: keep_kib as usize }
    }

    /// How many KiB are held at this moment.
    #[must_use]
    pub fn held_kib(&self) -> usize {
        self.blocks.capacity()
    }

    /// Runs `work` on exactly `count` blocks of 1 KiB with undefined content.
    pub(super) fn with<T>(
        &mut self,
        count: usize,
        work: impl FnOnce(&mut [Block]) -> Option<T>,
    ) -> Option<T> {
        if self.blocks.len() < count {
            // Growing in place would copy the old content and free it unwiped.
            self.release();
            self.blocks = vec![Block::new(); count];
        }
        let result = self.blocks.get_mut(..count).and_then(work);
        if self.blocks.len() > self.keep {
            self.release();
        }
        result
    }

    fn release(&mut self) {
        self.blocks.zeroize();
        self.blocks = Vec::new();
    }
}

impl Drop for WorkMemory {
    fn drop(&mut self) {
        self.blocks.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_up_to_the_limit_and_given_back_beyond_it() {
        let mut memory = WorkMemory::new(16);
        assert_eq!(memory.held_kib(), 0);
        assert_eq!(memory.with(8, |blocks| Some(blocks.len())), Some(8));
        assert_eq!(memory.held_kib(), 8);
        assert_eq!(memory.with(16, |blocks| Some(blocks.len())), Some(16));
        assert_eq!(memory.with(4, |blocks| Some(blocks.len())), Some(4));
        assert_eq!(memory.held_kib(), 16);
        assert_eq!(memory.with(17, |blocks| Some(blocks.len())), Some(17));
        assert_eq!(memory.held_kib(), 0);
    }
}
