//! Fills the holes that only the node can fill.

use std::collections::BTreeMap;
use std::path::PathBuf;

use smack_model::{LaunchOrder, Name, Piece, Refusal, Template, VolumeId, stamp};

use super::LaunchPaths;
use super::home::Home;

/// What the holes of one launch stand for.
pub(crate) struct Filling<'a> {
    order: &'a LaunchOrder,
    home: &'a Home,
    paths: &'a dyn LaunchPaths,
    sandbox: String,
    volumes: BTreeMap<&'a Name, (&'a VolumeId, String)>,
    java: Option<PathBuf>,
    class_paths: BTreeMap<&'a str, String>,
}

impl<'a> Filling<'a> {
    /// Finds Java and the artifact sets, which is where most launches that cannot be are refused.
    pub(crate) fn new(
        order: &'a LaunchOrder,
        home: &'a Home,
        paths: &'a dyn LaunchPaths,
    ) -> Result<Self, Refusal> {
        let launch = &order.launch;
        let java = launch
            .java
            .as_ref()
            .map(|need| paths.java(need))
            .transpose();
        let java = java.map_err(|reason| Refusal::NoJava { reason })?;
        let mut class_paths = BTreeMap::new();
        for set in &launch.artifacts {
            let class_path = paths
                .class_path(set)
                .map_err(|reason| Refusal::NoArtifact {
                    artifact: set.clone(),
                    reason,
                })?;
            class_paths.insert(set.as_str(), class_path);
        }
        let volumes = order.volumes.iter();
        let volumes = volumes.map(|(name, id)| (name, (id, text(home.volume(id)))));
        Ok(Self {
            order,
            home,
            paths,
            sandbox: text(home.sandbox(&order.id)),
            volumes: volumes.collect(),
            java,
            class_paths,
        })
    }

    pub(crate) fn volume(&self, name: &Name) -> Result<PathBuf, Refusal> {
        let id = self.order.volumes.get(name);
        let id = id.ok_or_else(|| other(format!("the task has no volume {name}")))?;
        Ok(self.home.volume(id))
    }

    pub(crate) fn sandbox(&self) -> &str {
        &self.sandbox
    }

    /// Program and arguments. One that would hold a class data archive and came out empty is left out.
    pub(crate) fn command(&self) -> Result<Vec<String>, Refusal> {
        let is_archive = |piece: &Piece| matches!(piece, Piece::SharedArchive(_));
        let mut filled = Vec::with_capacity(self.order.launch.command.len());
        for argument in &self.order.launch.command {
            let waits = argument.0.iter().any(is_archive);
            filled.push((
                argument,
                if waits {
                    None
                } else {
                    Some(self.text(argument)?)
                },
            ));
        }
        // An archive belongs to the flags of the virtual machine, so those come first.
        let flags = filled.iter().filter_map(|(_, argument)| argument.as_ref());
        let flags: Vec<String> = flags
            .filter(|flag| flag.starts_with("-X"))
            .cloned()
            .collect();
        let mut command = Vec::with_capacity(filled.len());
        for (template, argument) in filled {
            match argument {
                Some(argument) => command.push(argument),
                None => {
                    let argument = self.text_with(template, &flags)?;
                    if !argument.is_empty() {
                        command.push(argument);
                    }
                }
            }
        }
        if command.first().is_none_or(String::is_empty) {
            return Err(other("the command names no program".to_owned()));
        }
        Ok(command)
    }

    pub(crate) fn text(&self, template: &Template) -> Result<String, Refusal> {
        self.text_with(template, &[])
    }

    fn text_with(&self, template: &Template, flags: &[String]) -> Result<String, Refusal> {
        let mut text = String::new();
        for piece in &template.0 {
            self.push(piece, flags, &mut text)?;
        }
        if text.contains('\0') {
            return Err(other(format!(
                "{:?} contains a NUL character",
                template.shown()
            )));
        }
        Ok(text)
    }

    fn push(&self, piece: &Piece, flags: &[String], text: &mut String) -> Result<(), Refusal> {
        let id = &self.order.id;
        let open = || {
            other(format!(
                "{} was not known at the launch",
                Template::from(piece.clone()).shown()
            ))
        };
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Address(None) => text.push_str(self.order.address.as_ref().ok_or_else(open)?),
            Piece::Port(None, port) => {
                let number = self.order.ports.get(port).ok_or_else(open)?;
                text.push_str(&number.to_string());
            }
            Piece::Address(Some(_))
            | Piece::Port(Some(_), _)
            | Piece::Seeds(_)
            | Piece::Replacing(_)
            | Piece::Joining(_)
            | Piece::Export(..) => {
                return Err(open());
            }
            Piece::SystemStamp => text.push_str(&stamp(&id.system.to_string())),
            Piece::VolumeStamp(name) => {
                let (id, _) = self.volumes.get(name).ok_or_else(open)?;
                text.push_str(&stamp(&id.to_string()));
            }
            Piece::Path => text.push_str(&format!("{}/{}", id.system.path(), id.name)),
            Piece::Attempt => text.push_str(&id.attempt.to_string()),
            Piece::Node => text.push_str(self.order.node.as_ref().ok_or_else(open)?.as_str()),
            Piece::Sandbox => text.push_str(&self.sandbox),
            Piece::Volume(name) => {
                let (_, path) = self.volumes.get(name).ok_or_else(open)?;
                text.push_str(path);
            }
            Piece::Java => {
                let java = self.java.as_ref().ok_or_else(open)?;
                text.push_str(&java.to_string_lossy());
            }
            Piece::ClassPath(set) => match self.class_paths.get(set.as_str()) {
                Some(class_path) => text.push_str(class_path),
                None => {
                    let found = self.paths.class_path(set);
                    text.push_str(&found.map_err(|reason| Refusal::NoArtifact {
                        artifact: set.clone(),
                        reason,
                    })?);
                }
            },
            Piece::SharedArchive(set) => {
                let java = self.java.as_ref();
                let flag = java.and_then(|java| self.paths.shared_archive(set, java, flags));
                text.push_str(&flag.unwrap_or_default());
            }
        }
        Ok(())
    }
}

fn other(reason: String) -> Refusal {
    Refusal::Other { reason }
}

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
