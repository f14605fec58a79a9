//! Text with holes that are filled later: addresses and ports once placed, exports once published, paths on the node.

use serde::{Deserialize, Serialize};

use crate::{ApplicationPath, Name, TaskName};

/// A piece of a [`Template`]. Those up to `Joining` are filled by core before a launch, the rest by the node that
/// launches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Text(String),
    /// The address of a task of the same system; `None`: of the task itself.
    Address(Option<TaskName>),
    /// A named port of a task of the same system; `None`: of the task itself.
    Port(Option<TaskName>, Name),
    /// What another application publishes: application, export.
    Export(ApplicationPath, String),
    /// At most so many addresses, joined by commas, of members by which the task finds its system: of those that have
    /// been ready with the data they have, in the order of names, and as many of each sibling; of the first tasks while none
    /// has. Its own is among them unless it has yet to join.
    Seeds(u32),
    /// Text for a task that takes the place of a lost one: from the launch with an emptied volume until it has been
    /// ready once, while another member is there to join. Else empty; an argument that becomes empty is left out.
    Replacing(Template),
    /// Text for a task of a part that came to a system that was there, until the part has done what [`crate::Part`] asks
    /// of it then. Else empty; an argument that becomes empty is left out.
    Joining(Template),
    /// 22 URL-safe characters that differ for every incarnation of the system.
    SystemStamp,
    /// 22 URL-safe characters that differ for every generation of the named volume of the task.
    VolumeStamp(Name),
    /// The identity path `zone/vdc/application/task`.
    Path,
    /// The attempt number.
    Attempt,
    /// The name of the task's node.
    Node,
    /// The directory of this attempt.
    Sandbox,
    /// The directory of a named volume of the task.
    Volume(Name),
    /// The `java` program chosen for the launch.
    Java,
    /// The class path of a named artifact set.
    ClassPath(String),
    /// The flag that uses the class data archive of a named artifact set; an argument that is empty because none is
    /// there yet is left out.
    SharedArchive(String),
}

/// Text with holes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(pub Vec<Piece>);

impl Template {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `piece`; neighbouring texts become one.
    pub fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (Some(Piece::Text(last)), Piece::Text(more)) => last.push_str(&more),
            (_, Piece::Text(empty)) if empty.is_empty() => {}
            (_, piece) => self.0.push(piece),
        }
    }

    /// Appends literal text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.push(Piece::Text(text.into()));
        self
    }

    /// Appends a hole.
    pub fn piece(mut self, piece: Piece) -> Self {
        self.push(piece);
        self
    }

    /// Appends another template.
    pub fn then(mut self, other: &Template) -> Self {
        for piece in &other.0 {
            self.push(piece.clone());
        }
        self
    }

    /// Fills what `fill` knows and keeps the other holes; the first error ends it.
    pub fn fill<E>(
        &self,
        mut fill: impl FnMut(&Piece) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        let mut filled = Self::new();
        for piece in &self.0 {
            if let Piece::Text(text) = piece {
                filled.push(Piece::Text(text.clone()));
                continue;
            }
            let piece = fill(piece)?.map_or_else(|| piece.clone(), Piece::Text);
            filled.push(piece);
        }
        Ok(filled)
    }

    /// The text, if no hole is left.
    pub fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with each hole shown by its name in `{{…}}`, for people.
    pub fn shown(&self) -> String {
        self.0.iter().map(Piece::shown).collect()
    }
}

impl Piece {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Address(None) => "{{address}}".to_owned(),
            Self::Address(Some(task)) => format!("{{{{address of {task}}}}}"),
            Self::Port(None, port) => format!("{{{{port {port}}}}}"),
            Self::Port(Some(task), port) => format!("{{{{port {port} of {task}}}}}"),
            Self::Export(application, name) => format!("${{{application}.{name}}}"),
            Self::Seeds(count) => format!("{{{{at most {count} seeds}}}}"),
            Self::Replacing(text) => format!("{{{{when replaced: {}}}}}", text.shown()),
            Self::Joining(text) => format!("{{{{when joining: {}}}}}", text.shown()),
            Self::SystemStamp => "{{stamp}}".to_owned(),
            Self::VolumeStamp(volume) => format!("{{{{stamp of {volume}}}}}"),
            Self::Path => "{{path}}".to_owned(),
            Self::Attempt => "{{attempt}}".to_owned(),
            Self::Node => "{{node}}".to_owned(),
            Self::Sandbox => "{{sandbox}}".to_owned(),
            Self::Volume(volume) => format!("{{{{volume {volume}}}}}"),
            Self::Java => "java".to_owned(),
            Self::ClassPath(set) => format!("{{{{class path of {set}}}}}"),
            Self::SharedArchive(set) => format!("{{{{class data archive of {set}}}}}"),
        }
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

impl From<Piece> for Template {
    fn from(piece: Piece) -> Self {
        Self::new().piece(piece)
    }
}
