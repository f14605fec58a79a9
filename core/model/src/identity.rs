//! Identity, never reused: systems carry an incarnation, tasks an attempt, volumes a generation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Name;

/// A task's name within its system: `broker-0`.
pub type TaskName = Name;

/// A virtual data center: one run of a stack in a zone. Its text is `zone/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VdcId {
    pub zone: Name,
    pub name: Name,
}

impl fmt::Display for VdcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone, self.name)
    }
}

impl VdcId {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (zone, name) = text.split_once('/')?;
        Some(Self {
            zone: Name::new(zone).ok()?,
            name: Name::new(name).ok()?,
        })
    }
}

/// An application as another one names it: of its own virtual data center by its name, of another by its path. Its text
/// is `kafka` or `default/telemetry/kafka`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationPath {
    /// None: the same as that of whoever names it.
    pub vdc: Option<Arc<VdcId>>,
    pub application: Name,
}

impl ApplicationPath {
    pub fn of(vdc: &VdcId, application: Name) -> Self {
        Self {
            vdc: Some(Arc::new(vdc.clone())),
            application,
        }
    }

    /// Its name, if it is of the same virtual data center.
    pub fn own(&self) -> Option<&Name> {
        self.vdc.is_none().then_some(&self.application)
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text.rsplit_once('/') {
            None => Name::new(text).ok().map(Self::from),
            Some((vdc, application)) => {
                let vdc = VdcId::parse(vdc)?;
                Some(Self::of(&vdc, Name::new(application).ok()?))
            }
        }
    }
}

impl From<Name> for ApplicationPath {
    fn from(application: Name) -> Self {
        Self {
            vdc: None,
            application,
        }
    }
}

impl fmt::Display for ApplicationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(vdc) = &self.vdc {
            write!(f, "{vdc}/")?;
        }
        f.write_str(self.application.as_str())
    }
}

/// What a service runs as one. Its text is `scope/run/application!incarnation`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemId {
    /// The layer that the system spans: its zone, until systems span more.
    pub scope: Name,
    pub run: Name,
    pub application: Name,
    /// Grows each time the system ends and is made again.
    pub incarnation: u32,
}

impl SystemId {
    pub fn vdc(&self) -> VdcId {
        VdcId {
            zone: self.scope.clone(),
            name: self.run.clone(),
        }
    }

    /// The path that people read: without the incarnation.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.scope, self.run, self.application)
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, incarnation) = text.rsplit_once('!')?;
        let mut parts = path.split('/');
        let mut next = || parts.next().and_then(|part| Name::new(part).ok());
        let id = Self {
            scope: next()?,
            run: next()?,
            application: next()?,
            incarnation: incarnation.parse().ok()?,
        };
        parts.next().is_none().then_some(id)
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}!{}",
            self.scope, self.run, self.application, self.incarnation
        )
    }
}

/// One attempt at a task. Its text is `scope/run/application!incarnation/task#attempt`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    pub system: SystemId,
    pub name: TaskName,
    /// Counts from 1 and is never reused, whatever becomes of the task.
    pub attempt: u32,
}

impl TaskId {
    /// The identity as one path component: names are DNS labels, so dots separate without doubt.
    pub fn file_name(&self) -> String {
        let SystemId {
            scope,
            run,
            application,
            incarnation,
        } = &self.system;
        format!(
            "{scope}.{run}.{application}.{incarnation}.{}.{}",
            self.name, self.attempt
        )
    }

    /// Reads what [`TaskId::file_name`] wrote.
    pub fn from_file_name(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [scope, run, application, incarnation, name, attempt] = parts.as_slice() else {
            return None;
        };
        Some(Self {
            system: SystemId {
                scope: Name::new(scope).ok()?,
                run: Name::new(run).ok()?,
                application: Name::new(application).ok()?,
                incarnation: incarnation.parse().ok()?,
            },
            name: Name::new(name).ok()?,
            attempt: attempt.parse().ok()?,
        })
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (system, task) = text.rsplit_once('/')?;
        let (name, attempt) = task.rsplit_once('#')?;
        Some(Self {
            system: SystemId::parse(system)?,
            name: Name::new(name).ok()?,
            attempt: attempt.parse().ok()?,
        })
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.system, self.name, self.attempt)
    }
}

/// A directory that outlives the attempts of its task. A new generation starts empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VolumeId {
    pub system: SystemId,
    pub task: TaskName,
    pub volume: Name,
    pub generation: u32,
}

impl VolumeId {
    /// The identity as one path component.
    pub fn file_name(&self) -> String {
        let SystemId {
            scope,
            run,
            application,
            incarnation,
        } = &self.system;
        let Self {
            task,
            volume,
            generation,
            ..
        } = self;
        format!("{scope}.{run}.{application}.{incarnation}.{task}.{volume}.{generation}")
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}.{}",
            self.system, self.task, self.volume, self.generation
        )
    }
}

/// One machine of a grid.
pub type NodeId = Name;

/// The generation of the server that may act; a greater one fences a smaller one.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    serde::de::Error::custom(format!("{text:?} is no {}", stringify!($type)))
                })
            }
        }
    };
}
as_text!(ApplicationPath);
as_text!(SystemId);
as_text!(TaskId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_back_what_they_write() {
        let system = SystemId::parse("qa/build92/kafka!3").expect("well-formed");
        let task = TaskId {
            system,
            name: Name::new("broker-0").unwrap(),
            attempt: 7,
        };
        assert_eq!(task.to_string(), "qa/build92/kafka!3/broker-0#7");
        assert_eq!(TaskId::parse(&task.to_string()), Some(task.clone()));
        assert_eq!(task.file_name(), "qa.build92.kafka.3.broker-0.7");
        assert_eq!(TaskId::from_file_name(&task.file_name()), Some(task));
        assert_eq!(SystemId::parse("qa/build92/kafka"), None);
        assert_eq!(SystemId::parse("qa/build92/x/kafka!1"), None);
        for text in ["kafka", "qa/build92/kafka"] {
            let path = ApplicationPath::parse(text).expect("well-formed");
            assert_eq!(path.to_string(), text);
            assert_eq!(path.own().is_some(), text == "kafka");
        }
        for text in ["build92/kafka", "qa/build92/x/kafka", ""] {
            assert_eq!(ApplicationPath::parse(text), None, "{text}");
        }
    }
}
