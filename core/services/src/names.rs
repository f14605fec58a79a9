//! Names that services give: literal labels and numbered tasks.

use smack_model::{Name, TaskName};

/// A name that stands in the code.
pub(crate) fn label(text: &'static str) -> Name {
    Name::new(text).expect("a literal DNS label")
}

/// `broker-0`.
pub(crate) fn indexed(word: &'static str, index: u32) -> TaskName {
    Name::new(&format!("{word}-{index}")).expect("a literal DNS label and a number")
}
