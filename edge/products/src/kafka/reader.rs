//! The fields of Kafka's answers, in the flexible encoding (KIP-482) unless a method says otherwise. The codec that
//! writes our requests does not promise bounded reading of answers.

pub(super) use crate::reader::{Garbled, Reader};

impl Reader<'_> {
    pub(super) fn flag(&mut self) -> Result<bool, Garbled> {
        Ok(self.i8()? != 0)
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
        match self.length()? {
            Some(length) => self.utf8(length).map(Some),
            None => Ok(None),
        }
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
