//! What was probably meant, at a bounded cost: nobody misspells a word of a thousand letters.

use smack_model::did_you_mean;

/// Words longer than this are not compared.
const LENGTH_MAX: usize = 64;

/// The nearest of `known` to `word`, if near enough to be what was meant.
pub(crate) fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let comparable = |candidate: &&str| candidate.len() <= LENGTH_MAX;
    if word.len() <= LENGTH_MAX {
        did_you_mean(word, known.into_iter().filter(comparable))
    } else {
        None
    }
}
