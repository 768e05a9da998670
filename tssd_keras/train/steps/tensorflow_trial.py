"""What a model's own step would change, on TensorFlow: its graph is run, and variables put back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

# They do something that no variable holds.
OUTSIDE = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "Print", "PrintV2"}


def tried_updates(model: keras.Model, batches: list[Any]) -> list[list[np.ndarray]] | None:
    """See `steps.tried_updates`. The graph tells every variable that the step reads or sets."""
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return None
    batches = [keras.tree.map_structure(tf.convert_to_tensor, batch) for batch in batches]

    @tf.function(autograph=False)  # as in Keras' `fit`
    def step(data):
        model.train_step(data)

    graph_of_step = step.get_concrete_function(batches[0])
    updated = [
        variable.value for variable in (*model.trainable_variables, *model.optimizer.variables)
    ]
    touched = list(graph_of_step.graph.variables)
    if not _is_whole(graph_of_step.graph, touched):
        return None
    before = [variable.numpy() for variable in touched]
    found = []
    for batch in batches:
        try:
            graph_of_step(batch)
            found.append([variable.numpy() for variable in updated])
        finally:
            for variable, value in zip(touched, before, strict=True):
                variable.assign(value)
    return found


def _is_whole(graph: Any, variables: list[tf.Variable]) -> bool:
    """Whether a graph changes nothing but these variables."""
    known = {id(variable.handle) for variable in variables}
    captured = [outer for outer, _ in graph.captures if outer.dtype == tf.resource]
    if graph.deferred_external_captures or any(id(outer) not in known for outer in captured):
        return False
    definition = graph.as_graph_def(add_shapes=False)
    nodes = [*definition.node, *(n for one in definition.library.function for n in one.node_def)]
    return not OUTSIDE & {node.op for node in nodes}
