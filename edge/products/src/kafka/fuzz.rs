//! For the fuzz targets: answers to each of our requests, as they come after the length and the correlation number.

use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DescribeConfigsRequest, DescribeQuorumRequest, IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest, MetadataRequest,
};

use super::connection::Ask;
use super::reader::{Garbled, Reader};

/// How many requests there are to choose from.
pub const REQUESTS: u8 = 8;

/// Whether `bytes` are an answer to the request of this number, in a version that is counted from the lowest we speak.
pub fn answer(request: u8, version: u8, bytes: &[u8]) -> bool {
    match request {
        0 => read::<MetadataRequest>(version, bytes),
        1 => read::<DescribeConfigsRequest>(version, bytes),
        2 => read::<CreateTopicsRequest>(version, bytes),
        3 => read::<CreatePartitionsRequest>(version, bytes),
        4 => read::<IncrementalAlterConfigsRequest>(version, bytes),
        5 => read::<AlterPartitionReassignmentsRequest>(version, bytes),
        6 => read::<ListPartitionReassignmentsRequest>(version, bytes),
        _ => read::<DescribeQuorumRequest>(version, bytes),
    }
}

fn read<A: Ask>(version: u8, bytes: &[u8]) -> bool {
    let (from, to) = A::VERSIONS;
    let version = from + i16::from(version) % (to - from + 1);
    let mut reader = Reader::new(bytes);
    let mut read = || -> Result<A::Answer, Garbled> {
        reader.skip_tags()?;
        A::read(&mut reader, version)
    };
    read().is_ok()
}
