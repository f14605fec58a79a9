//! A panic is a bug of ours: it becomes a text that says so and exit code 70, wherever it happens.

use std::io::Write as _;
use std::panic::PanicHookInfo;

/// The exit code of a bug.
pub(crate) const EXIT_CODE: i32 = 70;

/// From here on a panic of any thread ends the process with [`EXIT_CODE`].
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = text(info);
        // Not through `output`: that may be what panicked.
        drop(std::io::stderr().write_all(text.as_bytes()));
        std::process::exit(EXIT_CODE);
    }));
}

fn text(info: &PanicHookInfo<'_>) -> String {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let what = info.payload_as_str().unwrap_or("no reason was given");
    let command = std::env::args().take(2).skip(1).collect::<String>();
    format!(
        "This is a bug in smack, not a mistake of yours: {what}\n  \
         at {place}, in `smack {command}` of version {version}\n\
         What runs is not touched. Please report it with these lines and what you did before.\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    const INNER: &str = "SMACK_TEST_PANICS";

    #[test]
    fn a_panic_says_that_it_is_a_bug_and_exits_with_70() {
        if std::env::var_os(INNER).is_some() {
            super::report_panics();
            panic!("the sky fell");
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "bug::tests::a_panic_says_that_it_is_a_bug_and_exits_with_70",
                "--nocapture",
            ])
            .env(INNER, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{text}");
        assert!(
            text.contains("a bug in smack, not a mistake of yours: the sky fell"),
            "{text}"
        );
        assert!(text.contains("Please report it"), "{text}");
    }
}
