//! `smack completions`.

use expect_test::expect;

use super::check;
use crate::support::Smack;

#[test]
fn for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Smack::alone().run(&["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.stdout.contains("rollback"), "{shell}");
    }
}

#[test]
fn an_unknown_shell_is_refused() {
    check(
        &Smack::alone(),
        &["completions", "csh"],
        &expect![[r#"
        exit 2
        err: error: invalid value 'csh' for '<SHELL>'
        err:   [possible values: bash, elvish, fish, powershell, zsh]
        err:
        err:   tip: a similar value exists: 'zsh'
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
