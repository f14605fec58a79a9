//! JSON of Marathon, good or as it is copied from slides: what is repaired needs no more repair, and what it is as a stack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_stack::{MarathonFile, Source, mended};

fuzz_target!(|text: &str| {
    if let Some((repaired, problems)) = mended(&Source::new("app.json", text)) {
        assert!(!problems.to_string().is_empty());
        assert_eq!(mended(&Source::new("app.json", repaired.as_str())), None);
    }
    if let Some(file) = MarathonFile::read(text) {
        assert!(file.apps().iter().all(|(path, _)| path.starts_with('/')));
    }
    smack_fuzz::Run::app(text).through();
});
