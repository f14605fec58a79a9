//! `smack man`.

use expect_test::expect;

use super::check;
use crate::support::Smack;

#[test]
fn one_page_or_one_per_command() {
    let smack = Smack::alone();
    assert!(smack.run(&["man"]).stdout.contains(".TH smack 1"));
    check(
        &smack,
        &["man", "pages"],
        &expect![[r#"
        exit 0
        err: the pages are in pages
    "#]],
    );
    assert!(smack.work.path().join("pages/smack-rollback.1").exists());
}

#[test]
fn a_directory_that_cannot_be_made_is_said() {
    let smack = Smack::alone();
    smack.file("taken", "");
    check(
        &smack,
        &["man", "taken/pages"],
        &expect![[r#"
        exit 1
        err: error: cannot write the manual: Not a directory (os error 20)
    "#]],
    );
    check(
        &smack,
        &["man", "pages", "--markdown"],
        &expect![[r#"
        exit 2
        err: error: the argument '[DIR]' cannot be used with '--markdown'
        err:
        err: Usage: smack man <DIR>
        err:
        err: For more information, try '--help'.
    "#]],
    );
}
