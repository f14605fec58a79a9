//! Reads the fields of an answer. A length that the bytes at hand cannot hold is an error before anything is
//! allocated, which the codec that writes our requests does not promise for answers.

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Garbled(pub String);

/// The rest of one answer, in the flexible encoding (KIP-482) unless a method says otherwise.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Garbled(format!("{length} bytes expected, {} left", self.rest.len())))?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub(super) fn i8(&mut self) -> Result<i8, Garbled> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Garbled> {
        Ok(self.i8()? != 0)
    }

    pub(super) fn i16(&mut self) -> Result<i16, Garbled> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Garbled> {
        self.fixed().map(i32::from_be_bytes)
    }

    fn varint(&mut self) -> Result<u32, Garbled> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Garbled("a length of more than five bytes".to_owned()))
    }

    /// A length written as itself plus one; nothing for null.
    pub(super) fn length(&mut self) -> Result<Option<usize>, Garbled> {
        let written = self.varint()?;
        Ok(written.checked_sub(1).map(|length| length as usize))
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<String>, Garbled> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let bytes = self.take(length)?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| Garbled("a text not in UTF-8".to_owned()))?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn text(&mut self) -> Result<String, Garbled> {
        self.text_or_null()?
            .ok_or_else(|| Garbled("a text is missing".to_owned()))
    }

    /// As many items as the bytes say, each read by `item`; null counts as none.
    pub(super) fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        let count = self.length()?.unwrap_or(0);
        self.items(count, item)
    }

    /// A list in the old encoding, its count in four bytes.
    pub(super) fn plain_list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        let count = usize::try_from(self.i32()?).unwrap_or(0);
        self.items(count, item)
    }

    fn items<T>(
        &mut self,
        count: usize,
        item: impl Fn(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        if count > self.rest.len() {
            let left = self.rest.len();
            return Err(Garbled(format!("a list of {count} items in {left} bytes")));
        }
        // Grown as items really come: the count alone reserves nothing.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Skips the tagged fields that end every flexible structure: none of them is needed here.
    pub(super) fn skip_tags(&mut self) -> Result<(), Garbled> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()? as usize;
            self.take(length)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_beyond_the_bytes_are_errors() {
        assert!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0])
                .list(Reader::i8)
                .is_err()
        );
        assert!(
            Reader::new(&[0x7f, 0xff, 0xff, 0xff, 0])
                .plain_list(Reader::i32)
                .is_err()
        );
        assert!(Reader::new(&[0xff; 6]).text().is_err());
        assert!(Reader::new(&[5, b'a']).text().is_err());
        assert!(Reader::new(&[0]).text().is_err());
        assert!(Reader::new(&[2, 0xff]).text().is_err());
        assert!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f])
                .skip_tags()
                .is_err()
        );
        assert_eq!(Reader::new(&[3, b'a', b'b']).text(), Ok("ab".to_owned()));
    }
}
