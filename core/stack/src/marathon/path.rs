//! Ids of Marathon: absolute paths, relative ones, and the names that they become.

/// The absolute path of an id, seen from `base`: `../db` from `/prod/web` is `/prod/db`.
pub(super) fn absolute(id: &str, base: &str) -> String {
    let start = if id.starts_with('/') { "" } else { base };
    let mut labels: Vec<&str> = Vec::new();
    for label in start.split('/').chain(id.split('/')) {
        match label {
            "" | "." => {}
            ".." => drop(labels.pop()),
            label => labels.push(label),
        }
    }
    format!("/{}", labels.join("/"))
}

/// `/prod/db` -> `prod-db`; the root has none.
pub(super) fn name(path: &str) -> Option<String> {
    let name = path.trim_matches('/').replace(['/', '.'], "-");
    (!name.is_empty()).then_some(name)
}

/// Why a text is no id.
pub(super) fn refusal(id: &str) -> Option<String> {
    let labels = id
        .split('/')
        .filter(|label| !matches!(*label, "" | "." | ".."));
    let is_wrong = |label: &&str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        !label.chars().all(fits) || label.starts_with(['-', '.']) || label.ends_with(['-', '.'])
    };
    let wrong = labels.into_iter().find(is_wrong)?;
    Some(format!(
        "{wrong:?} of the id {id:?} has more than a-z, 0-9, - and ."
    ))
}

/// The nearest id to one that is refused.
pub(super) fn mended(id: &str) -> String {
    let tame = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/' => c,
        _ => '-',
    };
    let labels = id.split('/').map(|label| {
        let tamed: String = label.chars().map(tame).collect();
        tamed.trim_matches('-').to_owned()
    });
    labels.collect::<Vec<_>>().join("/")
}

/// Whether `path` is `group` or lies in it.
pub(super) fn is_in(path: &str, group: &str) -> bool {
    let rest = path.strip_prefix(group.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute() {
        for (id, base, expected) in [
            ("/a/b", "/x", "/a/b"),
            ("b", "/x", "/x/b"),
            ("../db", "/prod/web", "/prod/db"),
            ("../../..", "/a", "/"),
            ("./b//c/", "/", "/b/c"),
        ] {
            assert_eq!(absolute(id, base), expected);
        }
        assert_eq!(name("/prod/v1.2/db").unwrap(), "prod-v1-2-db");
        assert_eq!(name("/"), None);
        assert!(is_in("/a/b", "/a") && is_in("/a", "/") && !is_in("/ab", "/a"));
    }

    #[test]
    fn wrong_ids_say_why() {
        assert_eq!(refusal("/prod/../db-1.2"), None);
        assert!(refusal("/Prod/db").unwrap().contains("\"Prod\""));
        assert_eq!(mended("/Prod/a_b-/é"), "/prod/a-b/");
        assert!(refusal("/a_b").is_some() && refusal("/-a").is_some());
    }
}
