//! A model file whose tensors in other files move to one new file: what they are read from must stay as it is.
//!
//! The messages are rewritten as [`wire`](super::wire) finds them; all but the entries that say where data lies is copied.

use super::proto::TensorProto;
use super::tensor;
use super::wire::{Kind, delimited, fields};
use prost::Message as _;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// Where the tensors begin in the new file: at pages, so that they can be mapped.
const PAGE: usize = 4096;
/// Most messages inside of each other; subgraphs nest.
const MOST_DEPTH: usize = 100;

/// The field of a tensor that says where its data lies.
const EXTERNAL_DATA: u64 = 13;

/// The messages in which tensors are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    Sparse,
    Tensor,
}

impl Message {
    /// What field `number` is, if tensors are in it. The numbers are those of `onnx.proto`.
    const fn inside(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::Sparse),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Some(Self::Tensor),
            _ => None,
        }
    }
}

/// Changes the data of the tensor whose message begins at a place of the file.
pub type Change<'c> = dyn Fn(usize, &mut [u8]) -> Result<(), String> + 'c;

/// A model being rewritten.
pub struct Relocation<'r> {
    /// The file as it is.
    pub file: &'r [u8],
    /// Where the data lies.
    pub directory: Option<&'r Path>,
    /// Name of the new file beside the model.
    pub name: &'r str,
    /// What becomes of the data on its way.
    pub change: &'r Change<'r>,
}

/// A model and the file that its tensors moved to.
#[derive(Debug, Default)]
pub struct Relocated {
    /// The model file.
    pub model: Vec<u8>,
    /// The other one.
    pub data: Vec<u8>,
    /// The files that the data was in, relative to the model.
    pub sources: BTreeSet<String>,
}

impl Relocation<'_> {
    /// Rewrites the model.
    ///
    /// # Errors
    /// Names the tensor whose data cannot be read; what [`fields`] says of bytes that are no messages.
    pub fn run(&self) -> Result<Relocated, String> {
        let mut result = Relocated::default();
        result.model = self.message(Message::Model, 0..self.file.len(), 0, &mut result)?;
        Ok(result)
    }

    fn message(
        &self,
        kind: Message,
        at: Range<usize>,
        depth: usize,
        result: &mut Relocated,
    ) -> Result<Vec<u8>, String> {
        if depth > MOST_DEPTH {
            return Err(format!("has messages more than {MOST_DEPTH} deep"));
        }
        if kind == Message::Tensor {
            return self.tensor(at, result);
        }
        let (mut written, mut end) = (Vec::new(), at.start);
        for field in fields(self.file, at)? {
            match kind.inside(field.number).filter(|_| field.kind == Kind::Delimited) {
                Some(inner) => {
                    let inner = self.message(inner, field.at.clone(), depth + 1, result)?;
                    delimited(&mut written, field.number, &inner);
                }
                None => written.extend_from_slice(self.bytes(end..field.at.end)?),
            }
            end = field.at.end;
        }
        Ok(written)
    }

    fn bytes(&self, at: Range<usize>) -> Result<&[u8], String> {
        self.file.get(at).ok_or_else(|| "a message leaves the file".into())
    }

    /// A tensor; one in another file gets new entries.
    fn tensor(&self, at: Range<usize>, result: &mut Relocated) -> Result<Vec<u8>, String> {
        let message = self.bytes(at.clone())?;
        let proto = TensorProto::decode(message).map_err(|error| error.to_string())?;
        if !tensor::is_external(&proto) {
            return Ok(message.to_vec());
        }
        let named = |error| format!("tensor '{}' {error}", proto.name());
        let mut data = tensor::external(&proto, self.directory, None).map_err(named)?;
        (self.change)(at.start, &mut data)?;
        result.sources.extend(tensor::entry(&proto, "location").map(str::to_owned));
        result.data.resize(result.data.len().next_multiple_of(PAGE), 0);
        let (offset, length) = (result.data.len(), data.len());
        result.data.append(&mut data);
        let (mut written, mut end) = (Vec::new(), at.start);
        for field in fields(self.file, at)? {
            if field.number != EXTERNAL_DATA {
                written.extend_from_slice(self.bytes(end..field.at.end)?);
            }
            end = field.at.end;
        }
        for (key, value) in [
            ("location", self.name.to_owned()),
            ("offset", offset.to_string()),
            ("length", length.to_string()),
        ] {
            let mut entry = Vec::new();
            delimited(&mut entry, 1, key.as_bytes());
            delimited(&mut entry, 2, value.as_bytes());
            delimited(&mut written, EXTERNAL_DATA, &entry);
        }
        Ok(written)
    }
}
