//! What a grid must do, shown with real processes.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test waits for one kind of event and passes over all others, whatever they are"
)]

#[cfg(test)]
#[path = "contract/adoption.rs"]
mod adoption;
#[cfg(test)]
#[path = "contract/attempts.rs"]
mod attempts;
#[cfg(test)]
#[path = "contract/imports.rs"]
mod imports;
#[cfg(test)]
#[path = "contract/launch.rs"]
mod launch;
#[cfg(test)]
#[path = "contract/network.rs"]
mod network;
#[cfg(test)]
#[path = "contract/relay.rs"]
mod relay;
#[cfg(test)]
#[path = "contract/rotation.rs"]
mod rotation;
#[cfg(test)]
#[path = "contract/world.rs"]
mod world;
