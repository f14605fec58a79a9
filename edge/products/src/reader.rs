//! Reads the fields of an answer. A length that the bytes at hand cannot hold is an error before anything is
//! allocated. Each protocol adds its own fields in its `reader.rs`.

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Garbled(pub(crate) String);

/// The rest of one answer. Numbers have their highest byte first.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Garbled(format!("{length} bytes expected, {} left", self.rest.len())))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, Garbled> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Garbled> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Garbled> {
        self.fixed().map(u16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Garbled> {
        self.fixed().map(i32::from_be_bytes)
    }

    /// Text of so many bytes.
    pub(crate) fn utf8(&mut self, length: usize) -> Result<String, Garbled> {
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned)
            .map_err(|_| Garbled("a text not in UTF-8".to_owned()))
    }

    /// So many items, each read by `item`.
    pub(crate) fn items<T>(
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
}
