//===- impl.td - what implementation ops have in common -----------------------===//
//
// Ops of `xnn` and `rvv` are in destination-passing style. On tensors `init` is a
// `tensor.empty` and there is one result; after `ait-plan-buffers` every operand is a memref
// with logical N x C x H x W shape whose strides are the physical order, `init` is written,
// and there is no result.
//
//===----------------------------------------------------------------------===//

#ifndef AIT_IMPL_TD
#define AIT_IMPL_TD

include "attributes.td"

def Buffer : AnyTypeOf<[AnyRankedTensor, AnyMemRef], "tensor or memref">;

#endif
