//! The fields of answers in CQL's native protocol.

pub(super) use crate::reader::{Garbled, Reader};

impl<'a> Reader<'a> {
    /// `[string]`: its length in two bytes.
    pub(super) fn short_text(&mut self) -> Result<String, Garbled> {
        let length = self.u16()?;
        self.utf8(length.into())
    }

    /// `[string list]`.
    pub(super) fn short_texts(&mut self) -> Result<Vec<String>, Garbled> {
        let count = self.u16()?;
        self.items(count.into(), Self::short_text)
    }

    /// `[bytes]`: its length in four bytes; a negative one is null.
    pub(super) fn bytes_or_null(&mut self) -> Result<Option<&'a [u8]>, Garbled> {
        match usize::try_from(self.i32()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// `[bytes map]`, of which nothing is needed.
    pub(super) fn skip_bytes_map(&mut self) -> Result<(), Garbled> {
        for _ in 0..self.u16()? {
            self.short_text()?;
            self.bytes_or_null()?;
        }
        Ok(())
    }

    /// A count in four bytes.
    pub(super) fn count(&mut self) -> Result<usize, Garbled> {
        let count = self.i32()?;
        usize::try_from(count).map_err(|_| Garbled(format!("a count of {count}")))
    }
}
