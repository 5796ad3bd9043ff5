//! The one table of passes. The parser, `--list-passes`, the flags of `ait-opt` and
//! `docs/passes.md` are all made from it.

use melior::ir::Module;

use crate::{
    PassError, canonicalize,
    eqsat::{extract::Limits, saturate::Bounds},
    equality_saturation, fold_batch_norm,
    options::{OptionKind, OptionSpec, Options},
    plan_buffers, prune, rewrite, select_kernels,
};

/// A pass of ours over a module.
pub struct Pass {
    /// The name in pipelines, `ait-...`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// Does it. The module is verified afterwards.
    pub run: fn(&Module, &Options) -> Result<(), PassError>,
}

/// A name for a line of passes.
pub struct NamedPipeline {
    /// The name in pipelines.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// The text it stands for.
    pub expand: fn(&Options) -> String,
}

const LMUL: OptionSpec = OptionSpec {
    name: "lmul",
    kind: OptionKind::Choice(&["auto", "1", "2", "4", "8"]),
    default: "auto",
    help: "Vector register group size of the generated kernels; auto chooses for convolutions and is 4 elsewhere.",
};
const TILE: OptionSpec = OptionSpec {
    name: "tile",
    kind: OptionKind::Int(0..=31),
    default: "0",
    help: "Output channels that a kernel computes at once; (tile + 1) * lmul is at most 32. 0 chooses.",
};
const UNROLL: OptionSpec = OptionSpec {
    name: "unroll",
    kind: OptionKind::Choice(&["auto", "1", "2", "4", "8"]),
    default: "auto",
    help: "Reduction steps of an iteration of a convolution; auto chooses.",
};
const ALGORITHM: OptionSpec = OptionSpec {
    name: "algorithm",
    kind: OptionKind::Choice(&["auto", "packed", "direct"]),
    default: "auto",
    help: "How convolutions read their input: packed strip by strip, or directly (split by the strides first); auto chooses.",
};
const MASK_LMUL: OptionSpec =
    OptionSpec { help: "Group size of the kernel that the tile is chosen for; auto chooses.", ..LMUL };
const MASK_TILE: OptionSpec =
    OptionSpec { help: "Rows of a tile of a convolution; 0 chooses as ait-select-kernels does.", ..TILE };
const CORE: OptionSpec = OptionSpec {
    name: "core",
    kind: OptionKind::Text,
    default: "spacemit-x60",
    help: "Core whose cycles decide what is chosen: a name, or a file that ends in .toml.",
};
const VLEN: OptionSpec = OptionSpec {
    name: "vlen",
    kind: OptionKind::Choice(&["0", "128", "256", "512", "1024"]),
    default: "0",
    help: "Its vector length in bits; 0 is the core's own. The code is right at every length.",
};
const THREADS: OptionSpec = OptionSpec {
    name: "threads",
    kind: OptionKind::Int(1..=256),
    default: "1",
    help: "Threads that share a layer.",
};
const TUNING_LOG: OptionSpec = OptionSpec {
    name: "tuning-log",
    kind: OptionKind::Text,
    default: "",
    help: "Log of ait tune: what was measured decides, the static model elsewhere.",
};
const SPARSITY: OptionSpec = OptionSpec {
    name: "sparsity",
    kind: OptionKind::Fraction,
    default: "0",
    help: "Fraction of the columns of each tile to prune; 0 is not given.",
};
const N: OptionSpec = OptionSpec {
    name: "n",
    kind: OptionKind::Int(0..=1 << 20),
    default: "0",
    help: "Columns to keep of every m; 0 is not given.",
};
const M: OptionSpec = OptionSpec { name: "m", help: "Columns of a group; 0 is not given.", ..N };
const SCORE: OptionSpec = OptionSpec {
    name: "score",
    kind: OptionKind::Choice(&["l1", "l2"]),
    default: "l1",
    help: "The norm that orders columns, where the config names no score.",
};
const CONFIG: OptionSpec = OptionSpec {
    name: "config",
    kind: OptionKind::Text,
    default: "",
    help: "TOML file of what to prune and how much (docs/pruning.md).",
};
const MASKS: OptionSpec = OptionSpec {
    name: "masks",
    kind: OptionKind::Text,
    default: "",
    help: "Mask manifest to apply instead; weights outside are an error.",
};

const LAYOUT: OptionSpec = OptionSpec {
    name: "layout",
    kind: OptionKind::Choice(&["auto", "nhwc", "cnhw"]),
    default: "auto",
    help: "Physical order of dense convolutions and what is around them: nhwc for XNNPACK, cnhw for the generated kernels; auto chooses by cost.",
};
const NAN: OptionSpec = OptionSpec {
    name: "nan",
    kind: OptionKind::Choice(&["propagate", "ignore"]),
    default: "propagate",
    help: "What becomes of NaN: clamps and max pools propagate it, or may take it for any number.",
};
const RULES: OptionSpec = OptionSpec {
    name: "rules",
    kind: OptionKind::Text,
    default: "all",
    help: "Topics and names of rules (docs/rules.md), separated by commas.",
};
const ITERATIONS: OptionSpec = OptionSpec {
    name: "iterations",
    kind: OptionKind::Int(0..=1000),
    default: Bounds::ITERATIONS,
    help: "Most iterations of all rules.",
};
const NODES: OptionSpec = OptionSpec {
    name: "nodes",
    kind: OptionKind::Int(1..=10_000_000),
    default: Bounds::NODES,
    help: "Most terms of the e-graph.",
};
const EXACT: OptionSpec = OptionSpec {
    name: "exact",
    kind: OptionKind::Int(0..=1_000_000),
    default: Limits::CHOICES,
    help: "Most choices of a function that integer programming extracts; larger ones are extracted greedily.",
};
const EXPLAIN: OptionSpec = OptionSpec {
    name: "explain",
    kind: OptionKind::Text,
    default: "",
    help: "File for what was chosen and why: a picture if it ends in .svg, estimates if in .json, else text.",
};
const PLAN: OptionSpec = OptionSpec {
    name: "plan",
    kind: OptionKind::Text,
    default: "",
    help: "TOML file of layouts by layer name, for layout=auto (docs/tuning.md).",
};

/// Every pass, in the order of the standard line.
pub static PASSES: &[Pass] = &[
    Pass {
        name: "ait-canonicalize",
        summary: "Removes what is unused, computed twice, or does nothing.",
        options: &[],
        run: canonicalize::run,
    },
    Pass {
        name: "ait-fold-batch-norm",
        summary: "Folds batch norms and per-channel constants into convolutions, gemms and scale_bias.",
        options: &[],
        run: fold_batch_norm::run,
    },
    Pass {
        name: "ait-prune",
        summary: "Prunes columns of constant weights to zero and says in their type which pattern they have.",
        options: &[
            SPARSITY, N, M, MASK_TILE, MASK_LMUL, SCORE, CONFIG, MASKS, CORE, VLEN, THREADS, TUNING_LOG,
        ],
        run: prune::pass::prune,
    },
    Pass {
        name: "ait-detect-sparsity",
        summary: "Says of weights with zero columns which pattern they have, where a sparse kernel is cheaper.",
        options: &[MASK_TILE, MASK_LMUL, CORE, VLEN, THREADS, TUNING_LOG],
        run: prune::pass::detect,
    },
    Pass {
        name: "ait-eqsat",
        summary: "Fuses, assigns layouts and chooses implementations by equality saturation, for the least model cycles.",
        options: &[
            LAYOUT, NAN, RULES, ITERATIONS, NODES, EXACT, PLAN, EXPLAIN, CORE, VLEN, THREADS, TUNING_LOG,
        ],
        run: equality_saturation::run,
    },
    Pass {
        name: "ait-select-kernels",
        summary: "Chooses an XNNPACK operator or a generated kernel for each op and packs its weights.",
        options: &[NAN, LMUL, TILE, UNROLL, ALGORITHM, CORE, VLEN, THREADS, TUNING_LOG],
        run: select_kernels::run,
    },
    Pass {
        name: "ait-plan-buffers",
        summary: "Tensors become strided views of one arena, constants offsets into the weights file.",
        options: &[],
        run: |module, _| {
            let context = rewrite::Rewriter::new(module).context();
            let planned = plan_buffers::plan_buffers(context, module);
            planned.map(drop).map_err(|fault| PassError::new(fault.location, fault.message))
        },
    },
];

/// Every named pipeline.
pub static PIPELINES: &[NamedPipeline] = &[NamedPipeline {
    name: "ait-pipeline",
    summary: "The standard line from the imported graph to planned buffers.",
    options: &[
        LAYOUT, NAN, LMUL, TILE, UNROLL, ALGORITHM, SPARSITY, N, M, SCORE, CONFIG, MASKS, CORE, VLEN,
        THREADS, TUNING_LOG, RULES, ITERATIONS, NODES, EXACT, PLAN, EXPLAIN,
    ],
    expand: standard_line,
}];

fn standard_line(options: &Options) -> String {
    let asked = options.fraction("sparsity") > 0.0
        || options.int("n") + options.int("m") > 0
        || ["config", "masks"].iter().any(|name| !options.word(name).is_empty());
    // The tile of a mask is the tile of the kernel.
    let target = options.only(&["core", "vlen", "threads", "tuning-log"]);
    let tile = options.only(&["tile", "lmul"]);
    let prune = match asked {
        true => {
            let kept = options.only(&["sparsity", "n", "m", "score", "config", "masks"]);
            format!("ait-prune{{{kept} {tile} {target}}},")
        }
        false => String::new(),
    };
    format!(
        "ait-canonicalize,ait-fold-batch-norm,ait-canonicalize,{prune}ait-detect-sparsity{{{tile} {target}}},\
         ait-eqsat{{{eqsat} {target}}},ait-canonicalize,\
         ait-select-kernels{{{kernels} {target}}},ait-plan-buffers",
        eqsat = options.only(&["layout", "nan", "rules", "iterations", "nodes", "exact", "plan", "explain"]),
        kernels = options.only(&["nan", "lmul", "tile", "unroll", "algorithm"]),
    )
}

/// `docs/passes.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Passes\n\nGenerated from `passes/src/table.rs`; `ait-opt --list-passes=markdown` prints it.\n",
    );
    for pass in PASSES {
        section(&mut text, pass.name, pass.summary, pass.options);
    }
    text.push_str("\n# Pipelines\n");
    for pipeline in PIPELINES {
        section(&mut text, pipeline.name, pipeline.summary, pipeline.options);
        let expansion = Options::new(pipeline.options, &[]).map(|defaults| (pipeline.expand)(&defaults));
        let expansion = expansion.unwrap_or_default().replace(',', ",\n");
        text.push_str(&format!("\nWith its defaults it stands for\n```\n{expansion}\n```\n"));
    }
    text
}

fn section(text: &mut String, name: &str, summary: &str, options: &[OptionSpec]) {
    text.push_str(&format!("\n## `{name}`\n{summary}\n"));
    if !options.is_empty() {
        text.push_str("\n| option | values | default | |\n|---|---|---|---|\n");
    }
    for option in options {
        let kind = option.kind.to_string().replace('|', ", ");
        text.push_str(&format!("| `{}` | {kind} | {} | {} |\n", option.name, option.default, option.help));
    }
}

/// `--list-passes`: a line for each pass, and below it one for each option.
pub fn listing() -> String {
    let rows = PASSES
        .iter()
        .map(|pass| (pass.name, pass.summary, pass.options))
        .chain(PIPELINES.iter().map(|line| (line.name, line.summary, line.options)));
    rows.map(|(name, summary, options)| {
        let options = options.iter().map(|option| {
            format!("    {}={} (default {}): {}\n", option.name, option.kind, option.default, option.help)
        });
        format!("{name}: {summary}\n{}", options.collect::<String>())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `AIT_UPDATE=1 cargo test -p ait-passes` rewrites the page.
    #[test]
    fn the_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/passes.md");
        if std::env::var_os("AIT_UPDATE").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), markdown());
    }

    #[test]
    fn defaults_are_values() {
        let specs = PASSES.iter().map(|pass| pass.options).chain(PIPELINES.iter().map(|line| line.options));
        for spec in specs.flatten() {
            let given = [(spec.name.to_owned(), spec.default.to_owned())];
            Options::new(std::slice::from_ref(spec), &given).unwrap();
        }
    }
}
