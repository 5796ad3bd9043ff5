//===- attributes.td - what attributes of ops are ------------------------------===//
//
// `irdl` is the base that MLIR checks, `rust` the type of the field of `ait_ops::Op`. What these cannot say
// (lengths, ranges, words) `Op::read` and the shape rules check.
//
//===----------------------------------------------------------------------===//

#ifndef AIT_ATTRIBUTES_TD
#define AIT_ATTRIBUTES_TD

include "mlir/IR/OpBase.td"

class Typed<string irdlBase, string rustType, string text> : Attr<CPred<"true">, text> {
  string irdl = irdlBase;
  string rust = rustType;
}

def IntegerAttr : Typed<"#builtin.integer", "i64", "i64">;
def FlagAttr : Typed<"#builtin.integer", "bool", "true or false">;
def FloatAttr : Typed<"#builtin.float", "f32", "f32">;
def PairAttr : Typed<"#builtin.dense_array", "[i64; 2]", "array<i64>: [h, w]">;
def PadsAttr : Typed<"#builtin.dense_array", "[i64; 4]", "array<i64>: [top, left, bottom, right]">;
def ListAttr : Typed<"#builtin.dense_array", "Vec<i64>", "array<i64>, an element per dimension">;
def EpilogueAttr : Typed<"#builtin.dictionary", "Activation", "the activation: {act = \"clip\", max = 6.0 : f32, min = 0.0 : f32}">;
def KernelEpilogueAttr : Typed<"#builtin.dictionary", "Epilogue", "the activation, with the unit nnan where NaN may be ignored">;

// A string that is one of some words, an enum of `ait_ops` which knows them.
class Word<string rustType, string text> : Typed<"#builtin.string", rustType, text>;
def AlgorithmAttr : Word<"Algorithm", "\"packed\", \"direct\" or \"split\"">;
def BinaryFnAttr : Word<"BinaryFn", "\"add\", \"sub\", \"mul\", \"div\" or \"prelu\"">;
def PoolFnAttr : Word<"PoolFn", "\"max\", \"maxnum\" or \"avg\"">;

// Data, which stays in MLIR: the op has its type. Which elements are dense is told by the shape rules.
def DataAttr : Typed<"", "TensorType", "dense elements">;

#endif
