//! The plan against an oracle: random graphs run in planned memory and value by value.

use super::alias::{Aliasing, Place, Root, Step, alias};
use super::graph::{Graph, Kernel, Kind, Node, Role};
use super::liveness::intervals;
use super::offsets::{assign, lower_bound};
use super::strides::View;
use ait_dialects::Layout;
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// A linear congruential generator: the tests need spread, not quality.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

fn kernel(name: &str) -> Kind {
    Kind::Kernel(Kernel {
        name: name.into(),
        algorithm: String::new(),
        pointwise: false,
        channels_last: false,
    })
}

fn natural(shape: &[i64], layout: Layout) -> View {
    View::new(0, shape, &layout.strides(shape))
}

/// Element addresses in logical row-major order.
fn addresses(view: &View) -> Vec<usize> {
    let mut all = vec![view.offset];
    for (&size, &stride) in view.shape.iter().zip(&view.strides) {
        all = all.iter().flat_map(|&a| (0..size).map(move |i| a + i * stride)).collect();
    }
    all.into_iter().map(|a| usize::try_from(a).unwrap()).collect()
}

/// A random network on N x C x 4 x 4 tensors in one layout, ending in up to three results.
fn random_graph(random: &mut Random, layout: Layout) -> Graph {
    let library = if layout == Layout::Nhwc { "xnn" } else { "rvv" };
    let mut graph = Graph::default();
    let batch = 1 + random.below(2) as i64;
    let argument = Node { kind: Kind::Argument(0), natural: View::row_major(&[batch, 4, 4, 4]) };
    let argument = graph.add(argument, &[]);
    let constant = graph.add(Node { kind: Kind::Constant, natural: View::row_major(&[batch, 4, 4, 4]) }, &[]);
    let first = Node { kind: Kind::ConvertLayout, natural: natural(&[batch, 4, 4, 4], layout) };
    let mut values = vec![graph.add(first, &[(argument, Role::Data)])];
    for _ in 0..4 + random.below(12) {
        let x = values[random.below(values.len())];
        let shape = graph.node(x).shape().to_vec();
        let same: Vec<NodeIndex> =
            values.iter().copied().filter(|&v| graph.node(v).shape() == shape).collect();
        let y = same[random.below(same.len())];
        let with_channels = |channels: i64| natural(&[shape[0], channels, 4, 4], layout);
        let mut add =
            |kind, natural, operands: &[(NodeIndex, Role)]| graph.add(Node { kind, natural }, operands);
        let value = match random.below(8) {
            0 => add(kernel(&format!("{library}.unary")), with_channels(shape[1]), &[(x, Role::Elementwise)]),
            1 => add(
                kernel(&format!("{library}.binary")),
                with_channels(shape[1]),
                &[(x, Role::Elementwise), (y, Role::Elementwise)],
            ),
            2 | 3 => {
                let channels = 1 + random.below(6) as i64;
                add(kernel(&format!("{library}.conv2d")), with_channels(channels), &[(x, Role::Data)])
            }
            4 if library == "rvv" => {
                let operands = [(x, Role::Data), (y, Role::Elementwise)];
                add(kernel("rvv.conv2d"), with_channels(shape[1]), &operands)
            }
            4 | 5 => {
                let channels = shape[1] + graph.node(y).shape()[1];
                let concat = Node { kind: Kind::Concat(1), natural: with_channels(channels) };
                graph.add(concat, &[(x, Role::Data), (y, Role::Data)])
            }
            6 if shape[1] > 1 => {
                let start = random.below(2) as i64;
                add(
                    Kind::Slice(vec![0, start, 0, 0], vec![1; 4]),
                    with_channels(shape[1] - 1),
                    &[(x, Role::Data)],
                )
            }
            _ if shape[1] < 12 => {
                let low = random.below(3) as i64 - 1;
                let channels = (shape[1] + low + 1).max(1);
                add(Kind::Pad(vec![0, low, 0, 0], 0.5), with_channels(channels), &[(x, Role::Data)])
            }
            _ => continue,
        };
        values.push(value);
    }
    let mut results = vec![(values[values.len() - 1], Role::Data)];
    for _ in 0..random.below(3) {
        results.push((values[random.below(values.len())], Role::Data));
    }
    if random.below(4) == 0 {
        results.push((constant, Role::Data));
    }
    // Results are NCHW.
    let converted: Vec<_> = results
        .into_iter()
        .map(|(value, role)| {
            let natural = View::row_major(graph.node(value).shape());
            (graph.add(Node { kind: Kind::ConvertLayout, natural }, &[(value, Role::Data)]), role)
        })
        .collect();
    graph.add(Node { kind: Kind::Return, natural: View::row_major(&[]) }, &converted);
    graph
}

/// What a kernel computes for each element: it depends on every element of data operands, and on one of each
/// element-wise operand.
fn compute(data: &[Vec<f64>], elementwise: &[f64], index: usize) -> f64 {
    let mixed: f64 = data.iter().flatten().enumerate().map(|(i, v)| v * ((i * 7 + index) % 5) as f64).sum();
    let local: f64 = elementwise.iter().enumerate().map(|(i, v)| v * (i + 1) as f64).sum();
    ((mixed + local) * 0.37 + index as f64 * 0.01).sin()
}

/// Values one by one, each in its own row-major vector.
fn evaluate(graph: &Graph, argument: &[f64], constant: &[f64]) -> BTreeMap<NodeIndex, Vec<f64>> {
    let mut values: BTreeMap<NodeIndex, Vec<f64>> = BTreeMap::new();
    for node in graph.nodes() {
        let operands = graph.operands(node);
        let shape = graph.node(node).shape().to_vec();
        let count = shape.iter().product::<i64>() as usize;
        let input = |i: usize| values[&operands[i].0].clone();
        let value = match &graph.node(node).kind {
            Kind::Argument(_) => argument.to_vec(),
            Kind::Constant => constant.to_vec(),
            Kind::Kernel(_) => {
                let by_role = |data: bool| {
                    operands
                        .iter()
                        .filter(move |(_, u)| (u.role == Role::Data) == data)
                        .map(|(v, _)| values[v].clone())
                };
                let (data, local): (Vec<_>, Vec<_>) = (by_role(true).collect(), by_role(false).collect());
                let at = |i: usize| local.iter().map(|v: &Vec<f64>| v[i]).collect::<Vec<_>>();
                (0..count).map(|i| compute(&data, &at(i), i)).collect()
            }
            Kind::ConvertLayout | Kind::Reshape => input(0),
            Kind::Slice(starts, steps) => {
                let view = View::row_major(graph.node(operands[0].0).shape()).slice(starts, &shape, steps);
                addresses(&view).into_iter().map(|a| input(0)[a]).collect()
            }
            Kind::Concat(1) => {
                let pixels = 16;
                let rows = |i: usize| graph.node(operands[i].0).shape()[1] as usize * pixels;
                (0..shape[0] as usize)
                    .flat_map(|n| {
                        (0..2)
                            .flat_map(|i| input(i)[n * rows(i)..(n + 1) * rows(i)].to_vec())
                            .collect::<Vec<_>>()
                    })
                    .collect()
            }
            Kind::Pad(low, fill) => {
                let channels = graph.node(operands[0].0).shape()[1];
                let source = View::row_major(graph.node(operands[0].0).shape());
                (0..count as i64)
                    .map(|i| {
                        let (n, c, p) = (i / (shape[1] * 16), i / 16 % shape[1] - low[1], i % 16);
                        let inside = (0..channels).contains(&c);
                        if inside {
                            input(0)[(n * source.strides[0] + c * 16 + p) as usize]
                        } else {
                            f64::from(*fill)
                        }
                    })
                    .collect()
            }
            _ => Vec::new(),
        };
        values.insert(node, value);
    }
    values
}

/// Memory as the plan lays it out.
struct Machine<'p> {
    graph: &'p Graph,
    plan: &'p Aliasing,
    offsets: Vec<usize>,
    arena: Vec<f64>,
    argument: Vec<f64>,
    constant: Vec<f64>,
    outputs: BTreeMap<usize, Vec<f64>>,
}

impl Machine<'_> {
    fn cells(&self, place: &Place) -> Vec<usize> {
        let base = if let Root::Arena(number) = place.root { self.offsets[number] } else { 0 };
        addresses(&place.view).into_iter().map(|a| a + base).collect()
    }

    fn load(&self, place: &Place) -> Vec<f64> {
        let memory = match place.root {
            Root::Arena(_) => &self.arena,
            Root::Input(_) => &self.argument,
            Root::Constant(_) => {
                // Stored in the layout of its place: address by address in logical order.
                return self.constant.clone();
            }
            Root::Output(number) => &self.outputs[&number],
        };
        self.cells(place).into_iter().map(|cell| memory[cell]).collect()
    }

    fn store(&mut self, place: &Place, index: usize, value: f64) {
        let cell = self.cells(place)[index];
        match place.root {
            Root::Arena(_) => self.arena[cell] = value,
            Root::Output(number) => {
                let memory = self.outputs.entry(number).or_default();
                memory.resize(memory.len().max(cell + 1), f64::NAN);
                memory[cell] = value;
            }
            _ => panic!("writes to a constant or an argument"),
        }
    }

    fn place(&self, node: NodeIndex) -> &Place {
        self.plan.places[node.index()].as_ref().unwrap()
    }

    fn run(&mut self) {
        for step in &self.plan.steps {
            match step {
                Step::Copy { from, to, .. } => {
                    for (index, value) in self.load(from).into_iter().enumerate() {
                        self.store(to, index, value);
                    }
                }
                Step::Fill { to, value, .. } => {
                    (0..addresses(&to.view).len()).for_each(|index| self.store(to, index, f64::from(*value)));
                }
                Step::Kernel(node) => self.kernel(*node),
            }
        }
    }

    /// Element by element, reading all data anew for each: what one element overwrites, the next one sees.
    fn kernel(&mut self, node: NodeIndex) {
        let init = self.place(node).clone();
        for index in 0..addresses(&init.view).len() {
            let (mut data, mut local) = (Vec::new(), Vec::new());
            for &(value, usage) in self.graph.operands(node) {
                let loaded = self.load(self.place(value));
                match usage.role {
                    Role::Data => data.push(loaded),
                    _ => local.push(loaded[index]),
                }
            }
            self.store(&init, index, compute(&data, &local, index));
        }
    }
}

#[test]
fn planned_memory_computes_what_separate_values_do() {
    let mut random = Random(3);
    for round in 0..400 {
        let layout = [Layout::Nhwc, Layout::Cnhw][round % 2];
        let graph = random_graph(&mut random, layout);
        let plan = match alias(&graph) {
            Ok(plan) => plan,
            Err(refused) => panic!("round {round}: {refused:?} {graph:?}"),
        };
        let live = intervals(&graph, &plan);
        let assignment = assign(&live);
        assert!(assignment.bytes >= lower_bound(&live));
        let count = graph.node(NodeIndex::new(0)).shape().iter().product::<i64>() as usize;
        let mut data = || (0..count).map(|_| random.below(1000) as f64 / 500.0 - 1.0).collect::<Vec<_>>();
        let mut machine = Machine {
            graph: &graph,
            plan: &plan,
            offsets: assignment.offsets.iter().map(|&offset| offset as usize / 4).collect(),
            arena: vec![f64::NAN; assignment.bytes as usize / 4],
            argument: data(),
            constant: data(),
            outputs: BTreeMap::new(),
        };
        let expected = evaluate(&graph, &machine.argument, &machine.constant);
        machine.run();
        let last = graph.nodes().next_back().unwrap();
        for &(value, usage) in graph.operands(last) {
            let output =
                Place { root: Root::Output(usage.index), view: View::row_major(graph.node(value).shape()) };
            assert_eq!(
                machine.load(&output),
                expected[&value],
                "round {round}, result {}: {graph:?} {plan:?}",
                usage.index
            );
        }
    }
}

/// DenseNet: each layer reads the concatenation of all before it; one buffer holds them all.
#[test]
fn a_dense_block_needs_no_copy() {
    for (layout, library) in [(Layout::Nhwc, "xnn"), (Layout::Cnhw, "rvv")] {
        let mut graph = Graph::default();
        let shape = |channels| natural(&[2, channels, 4, 4], layout);
        let node = |kind, natural| Node { kind, natural };
        let input = graph.add(node(Kind::Argument(0), View::row_major(&[2, 8, 4, 4])), &[]);
        let input = graph.add(node(Kind::ConvertLayout, shape(8)), &[(input, Role::Data)]);
        let conv = || kernel(&format!("{library}.conv2d"));
        let mut all = graph.add(node(conv(), shape(8)), &[(input, Role::Data)]);
        for layer in 0..4i64 {
            let channels = 8 + 4 * layer;
            let relu = kernel(&format!("{library}.unary"));
            let active = graph.add(node(relu, shape(channels)), &[(all, Role::Elementwise)]);
            let new = graph.add(node(conv(), shape(4)), &[(active, Role::Data)]);
            all = graph
                .add(node(Kind::Concat(1), shape(channels + 4)), &[(all, Role::Data), (new, Role::Data)]);
        }
        let last = graph.add(node(conv(), shape(3)), &[(all, Role::Data)]);
        graph.add(node(Kind::Return, View::row_major(&[])), &[(last, Role::Data)]);
        let plan = alias(&graph).unwrap();
        let copies = plan.steps.iter().filter(|step| matches!(step, Step::Copy { .. })).count();
        // NHWC: the argument's and the result's conversion. CNHW: the argument and the result are read and
        // written in place by a packed convolution.
        assert_eq!(copies, if layout == Layout::Nhwc { 2 } else { 0 }, "{:?}", plan.steps);
    }
}
