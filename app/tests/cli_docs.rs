//! `docs/cli.md` is what the program says of itself. `UPDATE_EXPECT=1` rewrites it.

use crate::support::Smack;
use expect_test::expect_file;

#[test]
fn the_manual_of_the_command_line_is_current() {
    let ran = Smack::alone().run(&["man", "--markdown"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    expect_file!["../../docs/cli.md"].assert_eq(&ran.stdout);
}
