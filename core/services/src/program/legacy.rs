//! Keys of a plain application of 2016 that mean something else today, or nothing.

use smack_model::{Problem, Template};
use smack_stack::Reader;

use crate::text::template;

/// Keys that are refused, each with the reason and what to do.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "docker",
        "needs a grid that runs images",
        "give the program itself: command: [..] or launch_command: …",
    ),
    (
        "tasks",
        "needs a framework of its own, a plain program has none",
        "say instances: for several of the same",
    ),
    (
        "start_time",
        "runs by the clock are for jobs",
        "make it a job: type: job",
    ),
    (
        "time_schedule",
        "runs by the clock are for jobs",
        "make it a job: type: job",
    ),
];

/// Keys that old files may have and that no schema offers.
pub const OLD_KEYS: &[&str] = &[
    "before_scheduler",
    "after_scheduler",
    "before_task",
    "after_task",
    "after_tasks",
    "docker",
    "tasks",
    "start_time",
    "time_schedule",
];

/// Hooks were a remote shell on the server: they are dropped, and so is what was never read. `read`: keys that mean
/// something here.
pub(super) fn drop_old(reader: &mut Reader<'_>, read: &[&str]) {
    reader.dropped(
        &OLD_KEYS[..5],
        "it ran on the server of old; make it a job that others depend on",
    );
    reader.value("version");
    let refused = REFUSED.iter().filter(|(key, ..)| !read.contains(key));
    for (key, what, hint) in refused {
        if reader.value(key).is_some() {
            reader.refuse(key, what, hint);
        }
    }
}

/// `scheduler:` — appended to the line as ` --key value`, in the order of the file.
pub(super) fn scheduler_options(reader: &mut Reader<'_>) -> Template {
    let options = reader.string_map("scheduler").unwrap_or_default();
    options.iter().fold(Template::new(), |line, (key, value)| {
        line.text(format!(" --{key} ")).then(&template(value))
    })
}

/// `artifact_urls` and `additional_artifacts`, one after the other.
pub(super) fn urls(reader: &mut Reader<'_>) -> Vec<String> {
    let both = ["artifact_urls", "additional_artifacts"].into_iter();
    let urls: Vec<_> = both
        .flat_map(|key| reader.strings(key).unwrap_or_default())
        .collect();
    for url in urls.iter().filter(|url| !is_address(&url.value)) {
        let what = format!("{:?} is no address of a file", url.value);
        let problem = Problem::error(Some(&url.place), what);
        reader
            .problems()
            .push(problem.hint("write https://…, http://…, file:///… or an absolute path"));
    }
    urls.into_iter().map(|url| url.value).collect()
}

fn is_address(url: &str) -> bool {
    match url.split_once("://") {
        Some(("http" | "https", rest)) => !rest.is_empty(),
        Some(("file", path)) => path.starts_with('/') || path.starts_with("localhost/"),
        Some(_) => false,
        None => url.starts_with('/'),
    }
}
