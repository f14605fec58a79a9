//! A file of Marathon as the apps in it, by path: to look one up, to put another in its place, to take one out.

use serde_json::Value;

use super::path;

/// A text that has the form of an app, a group or a list of apps. What is wrong with its apps is told when it is run.
#[derive(Debug, Clone, PartialEq)]
pub struct MarathonFile(Value);

impl MarathonFile {
    /// None: it is no JSON, or not of that form.
    pub fn read(text: &str) -> Option<Self> {
        let file = Self(serde_json::from_str(text).ok()?);
        (!file.apps().is_empty()).then_some(file)
    }

    /// The name of an app's application and, for an app alone, of its virtual data center; None: the path is no id.
    pub fn name_of(path: &str) -> Option<String> {
        path::refusal(path).is_none().then(|| path::name(path))?
    }

    /// The absolute path of an id.
    pub fn path_of(id: &str) -> String {
        path::absolute(id, "/")
    }

    /// The apps with their absolute paths, in the order of the file.
    pub fn apps(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        let mut root = self.0.clone();
        walk(&mut root, "/", &mut |path, app| {
            found.push((path.to_owned(), app.clone()));
            true
        });
        found
    }

    /// Puts an app in the place of the one at this path; whether there is one.
    pub fn replace(&mut self, wanted: &str, new: &Value) -> bool {
        let mut is_found = false;
        walk(&mut self.0, "/", &mut |path, app| {
            if path == wanted && !is_found {
                is_found = true;
                app.clone_from(new);
                if let Some(map) = app.as_object_mut() {
                    map.insert("id".to_owned(), wanted.into());
                }
            }
            true
        });
        is_found
    }

    /// Takes the app at this path out; false if it is the only one, or none.
    pub fn remove(&mut self, wanted: &str) -> bool {
        let all = self.apps();
        if all.len() < 2 || !all.iter().any(|(path, _)| path == wanted) {
            return false;
        }
        walk(&mut self.0, "/", &mut |path, _| path != wanted);
        true
    }

    /// The file.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&self.0).expect("JSON becomes text")
    }
}

/// Shows every app to `keeps`, which may change it; those of a list that are not to be kept are taken out.
fn walk(value: &mut Value, base: &str, keeps: &mut dyn FnMut(&str, &mut Value) -> bool) -> bool {
    match value {
        Value::Array(items) => {
            items.retain_mut(|item| app(item, base, keeps));
            true
        }
        Value::Object(map) if map.contains_key("app") => match map.get_mut("app") {
            Some(inner) => walk(inner, base, keeps),
            None => true,
        },
        Value::Object(map) if ["apps", "groups"].iter().any(|key| map.contains_key(*key)) => {
            let id = map.get("id").and_then(Value::as_str).unwrap_or("");
            let path = path::absolute(id, base);
            if let Some(Value::Array(apps)) = map.get_mut("apps") {
                apps.retain_mut(|item| app(item, &path, keeps));
            }
            if let Some(Value::Array(groups)) = map.get_mut("groups") {
                for group in groups.iter_mut().filter(|group| group.is_object()) {
                    walk(group, &path, keeps);
                }
            }
            true
        }
        Value::Object(_) => app(value, base, keeps),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn app(value: &mut Value, base: &str, keeps: &mut dyn FnMut(&str, &mut Value) -> bool) -> bool {
    let id = value.get("id").and_then(Value::as_str);
    match id.map(|id| path::absolute(id, base)) {
        Some(path) => keeps(&path, value),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::MarathonFile;

    fn paths(file: &MarathonFile) -> Vec<String> {
        file.apps().into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn apps_are_found_by_path_whatever_the_form() {
        for (text, expected) in [
            (r#"{"id": "web", "cmd": "x"}"#, vec!["/web"]),
            (r#"{"app": {"id": "/a/b"}}"#, vec!["/a/b"]),
            (r#"[{"id": "a"}, {"id": "/b"}]"#, vec!["/a", "/b"]),
            (
                r#"{"id": "/p", "apps": [{"id": "a"}], "groups": [{"id": "q", "apps": [{"id": "../b"}]}, 7]}"#,
                vec!["/p/a", "/p/b"],
            ),
        ] {
            assert_eq!(
                paths(&MarathonFile::read(text).unwrap()),
                expected,
                "{text}"
            );
        }
        for other in ["name: x", "{}", "[1]", r#"{"id": "/p", "apps": []}"#] {
            assert_eq!(MarathonFile::read(other), None, "{other}");
        }
    }

    #[test]
    fn an_app_is_replaced_and_taken_out_where_it_stands() {
        let text = r#"{"id": "/p", "apps": [{"id": "a", "cmd": "x"}, {"id": "b", "cmd": "x"}]}"#;
        let mut file = MarathonFile::read(text).unwrap();
        assert!(file.replace("/p/a", &json!({"cmd": "y"})));
        assert!(!file.replace("/p/c", &json!({"cmd": "y"})));
        assert_eq!(file.apps()[0].1, json!({"id": "/p/a", "cmd": "y"}));
        assert!(file.remove("/p/b") && !file.remove("/p/b"));
        assert!(!file.remove("/p/a"), "the last one stays");
        assert_eq!(paths(&MarathonFile::read(&file.text()).unwrap()), ["/p/a"]);
    }

    #[test]
    fn names_follow_paths() {
        assert_eq!(
            MarathonFile::name_of("/prod/v1.2/db").unwrap(),
            "prod-v1-2-db"
        );
        assert_eq!(MarathonFile::name_of("/Prod"), None);
        assert_eq!(MarathonFile::name_of("/"), None);
        assert_eq!(MarathonFile::path_of("a/../b"), "/b");
    }
}
