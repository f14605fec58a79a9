//! Bytes to values and back. Knows nothing of smack's own nouns.

pub mod properties;
