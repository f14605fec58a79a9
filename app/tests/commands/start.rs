//! `smack start`.

use super::check_verb;

#[test]
fn starting_the_whole_or_a_part_needs_a_name_that_is_up() {
    check_verb("start", "is being started");
}
