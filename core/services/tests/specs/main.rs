//! Stack files in, specs or problems out: every service as its users meet it.

#[cfg(test)]
mod cassandra;
#[cfg(test)]
mod expose;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod ids;
#[cfg(test)]
mod legacy;
mod marathon;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod stability;
#[cfg(test)]
mod stacks;
#[cfg(test)]
mod support;
#[cfg(test)]
mod uses;
#[cfg(test)]
mod wrong;
#[cfg(test)]
mod zipkin;
