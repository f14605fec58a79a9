//! `smack version`.

use serde_json::json;

use crate::support::Smack;

#[test]
fn of_both_sides() {
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(
        Smack::new().run(&["version"]).stdout,
        format!("smack  {ours}\nserver {ours}\n")
    );
    assert_eq!(
        Smack::new().run(&["version", "--json"]).json(),
        json!({"smack": ours, "server": ours})
    );
    assert_eq!(
        Smack::alone().run(&["version"]).stdout,
        format!("smack  {ours}\nserver none runs\n")
    );
    assert_eq!(
        Smack::alone().run(&["--version"]).stdout,
        format!("smack {ours}\n")
    );
}

#[test]
fn it_takes_nothing() {
    assert_eq!(Smack::alone().run(&["version", "all"]).code, Some(2));
}
