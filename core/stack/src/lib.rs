//! The stack language: layers and stacks as YAML text -> one resolved stack, every value with its origin, all problems
//! at once. Pure: no IO, no clock. Knows nothing of services, tasks, nodes or grids.

mod application;
mod bounds;
mod chain;
mod declaration;
mod document;
mod exports;
mod graph;
mod isolation;
mod json;
mod marathon;
mod merge;
mod near;
mod order;
mod parameter;
mod reader;
mod render;
mod resolve;
mod scalar;
mod schema;
mod share;
mod substitute;
mod text;
mod units;
mod uses;
mod value;
mod yaml;

pub use application::Application;
pub use document::{Heading, Level, heading};
pub use marathon::{MarathonFile, mended, translated};
pub use parameter::{Parameter, ParameterType};
pub use reader::Reader;
pub use render::render;
pub use resolve::{LayerSource, Request, Resolved, Source, resolve, resolve_sound};
pub use schema::{FieldSchema, FieldType, KindSchema, json_schema};
pub use share::Share;
pub use text::{Piece, Text};
pub use units::{duration_milliseconds, memory_mib};
pub use uses::Usage;
pub use value::{Data, Hidden, Map, Setting, Value};
