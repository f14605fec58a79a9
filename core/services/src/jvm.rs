//! The command line of a server on a Java virtual machine, and what a stack may say about it: heap, memory, options and
//! the Java to run on. Knows nothing of what the server is.

use smack_model::{JavaNeed, Piece, Template};

use crate::catalog::Entry;

/// A validated machine for one product version.
#[derive(Debug, Clone)]
pub(crate) struct Jvm<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) heap_mib: u32,
    /// The user's own, after ours: the later flag wins.
    pub(crate) options: Vec<Template>,
    pub(crate) java: JavaNeed,
}

impl Jvm<'_> {
    /// The whole command. The class data archive stands right before the class path; the argument goes if there is none,
    /// and since the digest counts holes by name, its coming restarts nothing.
    pub(crate) fn command(&self, arguments: impl IntoIterator<Item = Template>) -> Vec<Template> {
        let set = self.entry.name();
        let mut command: Vec<Template> = vec![
            Piece::Java.into(),
            format!("-Xmx{}m", self.heap_mib).into(),
            // A server that is out of memory and limps on is worse than one that is started again.
            "-XX:+ExitOnOutOfMemoryError".into(),
            "-Dorg.slf4j.simpleLogger.logFile=System.out".into(),
        ];
        let collector_chosen = self.options.iter().any(is_collector);
        let flags = self.entry.jvm_flags.iter();
        let flags = flags.filter(|flag| !(collector_chosen && is_collector_flag(flag)));
        command.extend(flags.map(|flag| Template::from(flag.as_str())));
        command.extend(self.options.iter().cloned());
        // Who it is, for whoever looks at the machine's processes.
        command.push(Template::from("-Dsmack.task=").piece(Piece::Path));
        command.push(Piece::SharedArchive(set.clone()).into());
        command.push("-cp".into());
        command.push(Piece::ClassPath(set).into());
        command.push(self.entry.main_class.as_str().into());
        command.extend(arguments);
        command
    }
}

/// Why smack gives this option itself, with what to write instead; `None` if a stack may give it.
pub(crate) fn refused_option(option: &str) -> Option<&'static str> {
    const REFUSED: &[(&str, &str)] = &[
        ("-Xmx", "set heap: instead"),
        ("-XX:MaxHeapSize", "set heap: instead"),
        ("-XX:MaxRAMPercentage", "set heap: instead"),
        ("-cp", "the catalog gives the class path"),
        ("-classpath", "the catalog gives the class path"),
        ("--class-path", "the catalog gives the class path"),
        ("-jar", "the catalog gives the main class"),
        (
            "-XX:SharedArchiveFile",
            "smack makes and uses the class data archive by itself",
        ),
        (
            "-XX:ArchiveClassesAtExit",
            "smack makes and uses the class data archive by itself",
        ),
    ];
    let found = REFUSED.iter().find(|(start, _)| option.starts_with(start));
    found.map(|(_, hint)| *hint)
}

fn is_collector(option: &Template) -> bool {
    option.as_text().is_some_and(is_collector_flag)
}

/// `-XX:+UseG1GC`: two of them are refused by the machine.
fn is_collector_flag(flag: &str) -> bool {
    flag.starts_with("-XX:+Use") && flag.ends_with("GC")
}
