//! `smack resume`.

use super::check_verb;

#[test]
fn resuming_the_whole_or_a_part_needs_a_name_that_is_up() {
    check_verb("resume", "goes on");
}
