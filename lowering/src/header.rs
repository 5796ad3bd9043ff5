//! The generated C header: the model's interface with its shapes, sizes and error codes.

use crate::names::{include_guard, macro_prefix};
use crate::translate::{Model, Tensor};
use ait_runtime::text::c_comment;
use std::fmt::Write;

/// `<model>.h`.
pub fn header(model: &Model<'_>) -> String {
    let name = &model.name;
    let (prefix, guard) = (macro_prefix(name), include_guard(name));
    let mut text = format!(
        "/* {name}.h - made by ait. Link {name}.o with the runtime (docs/deploy.md), or lib{name}.a.\n *\n"
    );
    tensors(&mut text, "inputs", &model.inputs);
    tensors(&mut text, "outputs", &model.outputs);
    let _ = write!(
        text,
        " *
 * Memory in bytes: arena {arena}, scratch per thread {scratch}, weights {weights}.
 * Needs a core with RVV 1.0, VLEN 128 to 1024; create checks it and returns AIT_ERR_NO_VECTOR without.
 * All memory is allocated in create; run allocates nothing. A context serves one thread at a time.
 *
 * Every function that returns ait_status returns AIT_OK (0) or an error of ait_runtime.h:
 *   1 AIT_ERR_NO_VECTOR  the core has no RVV 1.0, or its VLEN is not in 128 to 1024
 *   2 AIT_ERR_NO_MEMORY  an allocation in create failed
 *   3 AIT_ERR_WEIGHTS    not the weights of this model, or damaged
 *   4 AIT_ERR_XNNPACK    XNNPACK refused an operator
 *   5 AIT_ERR_ARGUMENT   a null or misaligned pointer, an index out of range, threads < 0
 *   6 AIT_ERR_ABI        object and runtime come from different versions of ait
 *   7 AIT_ERR_THREADS    the thread pool could not be created
 *   8 AIT_ERR_IO         a file could not be read or written
 * ait_status_string and ait_error_detail say it in words.
 */
#ifndef {guard}
#define {guard}

#include \"ait_runtime.h\"

#ifdef __cplusplus
extern \"C\" {{
#endif

",
        arena = model.arena_bytes,
        scratch = model.scratch_bytes(),
        weights = model.weights_bytes,
    );
    constants(&mut text, model);
    let _ = write!(
        text,
        "
/* The tables and code of the model, for the functions of ait_runtime.h. */
extern const ait_program {name}_program;

/* Makes a context. weights: {prefix}_WEIGHTS_BYTES bytes of {name}.weights at an address that is a multiple of
 * AIT_ALIGNMENT (ait_weights_read does that), kept until destroy. threads: 0 is one per online core. */
ait_status {name}_create(const void *weights, size_t weights_bytes, int threads, ait_context **out);

/* The buffer of an input or output; null if there is no such index. Fill the inputs before run. */
float *{name}_input(ait_context *ctx, size_t index);
const float *{name}_output(const ait_context *ctx, size_t index);

/* One inference. */
ait_status {name}_run(ait_context *ctx);

/* Frees all but the weights. Null is allowed. */
void {name}_destroy(ait_context *ctx);

#ifdef __cplusplus
}}
#endif

#endif /* {guard} */
"
    );
    text
}

fn tensors(text: &mut String, kind: &str, tensors: &[Tensor]) {
    let _ = writeln!(text, " * {kind} (f32, dense, row-major):");
    for (index, tensor) in tensors.iter().enumerate() {
        let dims: Vec<String> = tensor.shape.iter().map(i64::to_string).collect();
        let shape = if dims.is_empty() { "scalar".to_string() } else { dims.join(" x ") };
        let order = if tensor.shape.len() == 4 { " (N x C x H x W)" } else { "" };
        let count: i64 = tensor.shape.iter().product();
        let _ = writeln!(text, " *   {index} {}: {shape}{order}, {count} elements", c_comment(&tensor.name));
    }
}

fn constants(text: &mut String, model: &Model<'_>) {
    let name = macro_prefix(&model.name);
    let _ = writeln!(text, "#define {name}_WEIGHTS_BYTES {}u", model.weights_bytes);
    for (kind, tensors) in [("INPUT", &model.inputs), ("OUTPUT", &model.outputs)] {
        let _ = writeln!(text, "#define {name}_{kind}_COUNT {}u", tensors.len());
        for (index, tensor) in tensors.iter().enumerate() {
            let count: i64 = tensor.shape.iter().product();
            let _ = writeln!(text, "#define {name}_{kind}_{index}_ELEMENTS {count}u");
        }
    }
}
