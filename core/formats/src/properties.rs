//! Java `.properties` text, as `java.util.Properties.load` reads it: escapes, continued lines, the three separators.

/// One line `key=value`, escaped so that `java.util.Properties.load` gives back exactly these two strings.
pub fn line(key: &str, value: &str) -> String {
    let mut text = String::with_capacity(key.len() + value.len() + 2);
    escape(&mut text, key, true);
    text.push('=');
    escape(&mut text, value, false);
    text.push('\n');
    text
}

fn escape(text: &mut String, raw: &str, is_key: bool) {
    for (index, character) in raw.chars().enumerate() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' ' if is_key || index == 0 => text.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => {
                text.push('\\');
                text.push(character);
            }
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn values_keep_their_text() {
        let cases = [
            (("log.dirs", "/a b/c"), "log.dirs=/a b/c\n"),
            (("k", " x"), "k=\\ x\n"),
            (("a b", "c=d"), "a\\ b=c=d\n"),
            (
                ("listeners", "PLAINTEXT://h:1"),
                "listeners=PLAINTEXT://h:1\n",
            ),
            (("multi", "a\nb\\"), "multi=a\\nb\\\\\n"),
        ];
        for ((key, value), expected) in cases {
            assert_eq!(line(key, value), expected);
        }
    }
}
