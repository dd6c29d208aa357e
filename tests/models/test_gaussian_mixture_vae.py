import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests import zoo_of_models
from vae_zoo import VAE, GaussianMixtureVAE
from vae_zoo.components import cluster_initializers, networks, priors
from vae_zoo.models import clusters

SHAPE = (6, 5, 1)


def small(num_clusters=3, **options):
    options = {
        "noise_dim": 2,
        "encoder": networks.MLP((16,)),
        "initialization": None,
        "seed": 3,
        **options,
    }
    return GaussianMixtureVAE(SHAPE, 2, num_clusters, **options)


def bent(**options):
    """A model whose clusters depend on w, far from its start."""
    model, rng = small(**options), np.random.default_rng(0)
    for weight in model.prior_layer.trainable_weights:
        weight.assign(weight + 0.2 * rng.normal(size=weight.shape))
    return model


def groups_of_images(count_per_group):
    """Three kinds of images, and which is which."""
    labels = np.repeat(np.arange(3), count_per_group)
    x = np.full((len(labels), *SHAPE), 0.1, np.float32)
    for label in range(3):
        x[labels == label, 2 * label : 2 * label + 2] = 0.9
    noise = np.random.default_rng(0).random(x.shape)
    return (noise < x).astype("float32"), labels


def test_the_terms_add_up_to_the_bound(binary_images):
    model, x = bent(), binary_images[:3]
    count = 4000
    many = np.repeat(x, count, axis=0)
    terms = model.elbo_terms(many, seed=1)
    parts = terms["kl_z"] + terms["kl_w"] + terms["kl_c"]
    assert_allclose(terms["kl"], parts, rtol=1e-5, atol=1e-5)
    # By brute force: every variable is drawn, the cluster too, and nothing is in
    # closed form.
    q = model.joint_posterior(many)
    u = q.sample(seed=(5, 6))
    z, w = u[:, :2], u[:, 2:]
    mixture = model.prior_layer.given(w)
    log_p_c_given_z = tf.nn.log_softmax(mixture.log_joint(z)).numpy()
    uniform = np.random.default_rng(1).random((len(many), 1))
    c = (np.exp(log_p_c_given_z).cumsum(axis=1)[:, :-1] < uniform).sum(axis=1)
    rows = np.arange(len(many))
    log_p_z_and_c = [mixture.component(k).log_prob(z) for k in range(3)]
    log_p_z_and_c += tf.nn.log_softmax(model.prior_layer.logits)[:, None]
    brute = (
        model.likelihood(z).log_prob(many)
        - 0.5 * tf.reduce_sum(w**2 + np.log(2 * np.pi), axis=1)
        + log_p_z_and_c.numpy()[c, rows]
        - q.log_prob(u)
        - log_p_c_given_z[rows, c]
    )
    log_p_c = tf.nn.log_softmax(model.prior_layer.logits).numpy()
    log_p_z = log_p_z_and_c.numpy()[c, rows] - log_p_c[c]
    for name, draws, drawn in (
        ("sum", terms["log_likelihood"] - terms["kl"], brute),
        ("elbo", model.elbo(many, seed=2), brute),
        ("kl_c", terms["kl_c"], log_p_c_given_z[rows, c] - log_p_c[c]),
        ("kl_z", terms["kl_z"], q.distributions[0].log_prob(z) - log_p_z),
    ):
        ours = np.reshape(draws, (3, count))
        expected = np.reshape(drawn, (3, count))
        error = np.hypot(ours.std(1), expected.std(1)) / count**0.5
        assert (error < 0.2).all()
        difference = ours.mean(axis=1) - expected.mean(axis=1)
        assert (np.abs(difference) < 5 * error).all(), name


def test_the_likelihood_integrates_over_both_latents(binary_images):
    model, x = bent(), binary_images[:2]
    # A posterior that fits is a proposal whose weights have small variance.
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(binary_images, epochs=20, verbose=0)
    draws = model.joint_prior().sample(200_000, seed=(1, 2))
    log_likelihood = model.likelihood(draws[:, :2]).log_prob(x[:, None])
    weights = np.exp(log_likelihood - np.max(log_likelihood, axis=1, keepdims=True))
    exact = np.log(weights.mean(axis=1)) + np.max(log_likelihood, axis=1)
    relative_error = weights.std(axis=1) / weights.mean(axis=1) / 200_000**0.5
    estimates = np.stack(
        [model.log_marginal_likelihood(x, 5000, seed=seed) for seed in range(10)]
    )
    error = np.hypot(relative_error, estimates.std(axis=0, ddof=1) / 10**0.5)
    assert (error < 0.2).all()
    assert (np.abs(estimates.mean(axis=0) - exact) < 5 * error).all()


def test_where_w_has_no_say_it_is_a_vae_with_a_mixture_prior(binary_images):
    model = small(full_covariance=True)
    for projection in (model.prior_layer.loc, model.prior_layer.raw_scale):
        projection.dense.kernel.assign(0 * projection.dense.kernel)
    prior = priors.MixtureOfNormals(3, initialization=None)
    other = VAE(SHAPE, 2, encoder=networks.MLP((16,)), prior=prior, seed=3)
    for mine, theirs in (
        (model.encoder, other.encoder),
        (model.decoder, other.decoder),
        (model.posterior_head, other.posterior_head),
        (model.likelihood_head, other.likelihood_head),
    ):
        theirs.set_weights(mine.get_weights())
    loc = model.prior_layer.loc.dense.bias
    scale = tf.math.softplus(model.prior_layer.raw_scale.dense.bias) + 1e-3
    covariance = tf.linalg.diag(tf.reshape(scale, (3, 2)) ** 2)
    prior.set_components(tf.fill([3], 1 / 3), tf.reshape(loc, (3, 2)), covariance)
    assert_allclose(
        model.cluster_probabilities(binary_images),
        other.cluster_probabilities(binary_images),
        atol=1e-5,
    )
    many = np.repeat(binary_images[:2], 4000, axis=0)
    mine, theirs = model.elbo_terms(many, seed=1), other.elbo_terms(many, seed=2)
    without_w = np.reshape(mine["kl"] - mine["kl_w"], (2, -1))
    with_z_alone = np.reshape(theirs["kl"], (2, -1))
    error = np.hypot(without_w.std(1), with_z_alone.std(1)) / 4000**0.5
    difference = without_w.mean(axis=1) - with_z_alone.mean(axis=1)
    assert (np.abs(difference) < 5 * error + 1e-5).all()


def test_the_objective_of_labelled_examples_is_their_joint_bound(binary_images):
    model, x = bent(classifier_weight=2.5), binary_images[:6]
    y = tf.constant([0, -1, 2, -1, 1, 2])
    outputs = model(x)
    assert_array_equal(model.objective({**outputs}, tf.fill([6], -1)), -outputs["elbo"])
    objective = model.objective(outputs, y).numpy()
    log_p = outputs["cluster_log_probabilities"].numpy()
    # Of the very draw that the bound is of: the terms say so by themselves.
    log_p_c = tf.nn.log_softmax(model.prior_layer.logits)
    kl_c = np.sum(np.exp(log_p) * (log_p - log_p_c), axis=1)
    assert_allclose(kl_c, outputs["kl_c"], atol=1e-5)
    for row, label in enumerate(y.numpy()):
        expected = -outputs["elbo"][row]
        if label >= 0:
            # log p(x, y) >= ELBO + log p(y|z, w), and the classifier's term.
            expected -= (1 + 2.5) * log_p[row, label]
        assert_allclose(objective[row], expected, rtol=1e-5)


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_free_bits_are_free_up_to_their_number(share, binary_images):
    outputs = bent()(binary_images)
    mean = float(tf.reduce_mean(outputs["kl_c"]))
    assert mean > 0.05
    model = bent(free_bits=share * mean)
    loss = tf.reduce_mean(model.objective(outputs))
    others = outputs["kl_z"] + outputs["kl_w"] - outputs["log_likelihood"]
    expected = tf.reduce_mean(others) + max(mean, share * mean)
    assert_allclose(loss, expected, rtol=1e-5)
    # What is free has no gradient, what is not has that of the term.
    kl_c = tf.Variable(outputs["kl_c"])
    with tf.GradientTape() as tape:
        kl = outputs["kl_z"] + outputs["kl_w"] + kl_c
        terms = {**outputs, "kl_c": kl_c, "kl": kl}
        loss = tf.reduce_mean(model.objective(terms))
    gradient = tape.gradient(loss, kl_c)
    expected = 0.0 if share > 1 else 1 / len(binary_images)
    assert_allclose(gradient, np.full(len(binary_images), expected), atol=1e-7)


def test_clusters_start_as_groups_of_the_data_and_stay_in_use():
    x, labels = groups_of_images(60)
    start = cluster_initializers.KMeans(10, num_restarts=3)
    prior = priors.MixtureOfNormals(3, initialization=start)
    for model in (
        small(initialization=start),
        VAE(SHAPE, 2, encoder=networks.MLP((16,)), prior=prior, seed=3),
    ):
        model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
        history = model.fit(x, epochs=13, batch_size=30, verbose=0).history
        assert history["clusters_in_use"][10:] == [3, 3, 3]
        found = np.argmax(model.cluster_probabilities(x), axis=1)
        for label in range(3):
            values, counts = np.unique(found[labels == label], return_counts=True)
            assert counts.max() >= 0.95 * counts.sum(), values
        assert not model.prior_layer.awaits_data


@pytest.mark.parametrize("kind", ["dataset", "sequence"])
def test_clusters_start_from_whatever_is_read_in_batches(kind):
    x, _ = groups_of_images(20)
    data = tf.data.Dataset.from_tensor_slices(x).batch(10)
    if kind == "sequence":
        data = Batches(x)
    start = cluster_initializers.GaussianMixture(0, num_restarts=1)
    model = small(initialization=start)
    model.compile("adam", jit_compile=False)
    model.fit(data, epochs=1, verbose=0)
    assert not model.prior_layer.awaits_data
    # Three groups of different images, of twenty each: not the one start of all.
    loc = np.array(
        [model.prior_layer.component(k).sample(500, seed=1) for k in range(3)]
    )
    apart = np.linalg.norm(loc.mean(axis=1)[:, None] - loc.mean(axis=1), axis=-1)
    assert (apart[np.triu_indices(3, 1)] > 0.1).all()


def test_a_cluster_in_use_has_a_hundredth_of_the_examples():
    metric = clusters.ClustersInUse(3)
    assert float(metric.result()) == 0
    chosen = np.repeat([0, 1, 2], [191, 8, 1])
    metric.update_state(np.eye(3)[chosen[:90]])
    metric.update_state(np.eye(3)[chosen[90:]])
    assert float(metric.result()) == 2
    metric.update_state(np.eye(3)[[2]])
    # 2 of 201 examples are less than a hundredth, 3 of 202 more.
    assert float(metric.result()) == 2
    metric.update_state(np.eye(3)[[2]])
    assert float(metric.result()) == 3


def test_averages_of_weights_forget_what_was_before_the_clusters():
    x, _ = groups_of_images(20)
    model = small(initialization=cluster_initializers.KMeans(1, num_restarts=1))
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.999)
    model.compile(optimizer, jit_compile=False)
    model.fit(x, epochs=2, batch_size=20, verbose=0)
    trained = model.prior_layer.loc.dense.bias.numpy()
    optimizer.finalize_variable_values(model.trainable_variables)
    averaged = model.prior_layer.loc.dense.bias.numpy()
    assert np.abs(trained).max() > 0.3
    # Three steps after the start: nearly where it is, not where all clusters were.
    assert_allclose(averaged, trained, atol=0.05)


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return len(self.x) // 10

    def __getitem__(self, index):
        return (self.x[10 * index : 10 * index + 10],)


def test_a_short_training_ends_with_the_start_of_the_clusters():
    x, _ = groups_of_images(20)
    model = small(initialization=cluster_initializers.KMeans(10))
    model.compile("adam", jit_compile=False)
    model.fit(x, epochs=1, verbose=0)
    assert not model.prior_layer.awaits_data
    with pytest.raises(ValueError, match="`x` must have at least 3 examples"):
        clusters.start_clusters(model, x[:2])


def test_a_generator_cannot_be_read_twice():
    x, _ = groups_of_images(4)
    model = small(initialization=cluster_initializers.KMeans(1))
    model.compile("adam", jit_compile=False)
    with pytest.raises(ValueError, match="`x` must be arrays.*Received: a generator"):
        model.fit((x for _ in range(2)), epochs=1, steps_per_epoch=1, verbose=0)


def test_cluster_k_is_class_k_where_labels_are_known():
    groups = np.array([2, 2, 0, 0, 1, 1, 1])
    labels = np.array([0, -1, 1, -1, -1, 2, 0])
    expected = [0, 0, 1, 1, 2, 2, 0]  # 2 -> 0, 0 -> 1, 1 -> 2; a label wins.
    assert_array_equal(clusters.agreeing_with(groups, labels, 3), expected)


def test_few_labels_name_the_clusters():
    x, labels = groups_of_images(60)
    y = np.full(len(x), -1)
    y[::20] = labels[::20]
    start = cluster_initializers.KMeans(3)
    model = small(initialization=start, classifier_weight=5.0)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    shuffled = np.random.default_rng(1).permutation(len(x))
    data = tf.data.Dataset.from_tensor_slices((x[shuffled], y[shuffled])).batch(30)
    history = model.fit(data, epochs=15, validation_data=(x, labels), verbose=0).history
    assert history["val_label_accuracy"][-1] > 0.95
    found = np.argmax(model.cluster_probabilities(x), axis=1)
    assert np.mean(found == labels) > 0.95
    assert_allclose(history["val_loss"], -np.array(history["val_elbo"]), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_are_of_any_integer_type(dtype):
    x, labels = groups_of_images(4)
    y = labels.astype(dtype)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    for given in ((x, y), (data, None)):
        fitted_with(given[1], given[0], classifier_weight=1.0)


def test_with_all_labels_it_generates_by_class():
    x, labels = groups_of_images(60)
    model = small(initialization=cluster_initializers.KMeans(2))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(x, labels, epochs=30, batch_size=30, verbose=0)
    templates = np.stack([x[labels == label].mean(axis=0) for label in range(3)])
    for label in range(3):
        images = model.sample(40, seed=1, cluster=label).numpy()
        distances = ((images[:, None] - templates) ** 2).sum(axis=(2, 3, 4))
        assert np.mean(distances.argmin(axis=1) == label) > 0.9
    assert_array_equal(
        model.sample(3, seed=1, cluster=1), model.sample(3, seed=1, cluster=1)
    )


def test_labels_late_in_a_data_set_name_the_clusters_too():
    x, labels = groups_of_images(100)
    order = np.random.default_rng(0).permutation(300)
    x, labels = x[order], labels[order]
    y = np.full(300, -1)
    y[-6:] = labels[-6:]
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(30).repeat()
    start = cluster_initializers.KMeans(10, num_restarts=3, max_examples=90)
    model = small(initialization=start)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(data, epochs=10, steps_per_epoch=10, verbose=0)
    assert set(labels[-6:]) == {0, 1, 2}
    found = np.argmax(model.cluster_probabilities(x), axis=1)
    assert np.mean(found == labels) > 0.95


def fitted_with(y, x=None, **options):
    x = groups_of_images(4)[0] if x is None else x
    model = small(**options)
    model.compile("adam", jit_compile=False)
    model.fit(x, y, epochs=1, verbose=0)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(12, 3), r"`y` must lie in -1..2, .*values from 3 to 3"),
        (np.arange(-2, 10), r"`y` must lie in -1..2, .*values from -2 to 9"),
        (np.zeros(12), r"`y` must be of integers.*float64"),
        (np.zeros(11, int), r"`y` must have one label for each of the 12 .*\(11,\)"),
        (np.zeros((12, 2), int), r"`y` must have one label .*\(12, 2\)"),
    ],
)
def test_bad_labels_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        fitted_with(y)


def test_bad_labels_of_a_data_set_are_named():
    x, _ = groups_of_images(4)
    for y, message in (
        (np.arange(12), r"`y` must lie in -1..2, .*values from 0 to 11"),
        (np.zeros(12, np.float32), "`y` must be of integers.*float32"),
    ):
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(12)
        with pytest.raises(ValueError, match=message):
            fitted_with(None, data)


class Pairs(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.pair = x, y

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.pair


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(12), r"`y` must lie in -1..2, .*values from 0 to 11"),
        (np.zeros(12), r"`y` must be of integers.*float64"),
        (np.zeros(11, int), r"`y` must have one label for each of the .*11"),
    ],
)
def test_bad_labels_are_named_wherever_they_come_from(y, message):
    x, good = groups_of_images(4)
    model = small()
    model.compile("adam", jit_compile=False)
    batches = tf.data.Dataset.from_tensors((x, y))
    # The same without a word on its sizes.
    specs = [tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in (x, y)]
    dynamic = tf.data.Dataset.from_generator(
        lambda: iter_once(x, y), output_signature=tuple(specs)
    )
    calls = [
        lambda: model.fit(Pairs(x, y), verbose=0),
        lambda: model.fit(iter_once(x, y), steps_per_epoch=1, verbose=0),
        lambda: model.fit(batches, verbose=0),
        lambda: model.fit(x, good, validation_data=(x, y), verbose=0),
        lambda: model.fit(x, good, validation_data=batches, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.evaluate(batches, verbose=0),
        lambda: model.fit(dynamic, verbose=0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


def iter_once(x, y):
    yield x, y


def test_labels_of_several_columns_are_refused():
    x, y = groups_of_images(4)
    data = tf.data.Dataset.from_tensors((x, tf.one_hot(y, 3, dtype=tf.int32)))
    with pytest.raises(ValueError, match=r"one label for each .*\(12, 3\)"):
        fitted_with(None, data)


def test_a_label_may_come_late_or_from_a_generator():
    x, _ = groups_of_images(4)
    y = np.array([-1] * 11 + [2])
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(3)
    model = small(classifier_weight=1.0)
    model.compile("adam", jit_compile=False)
    # The second epoch goes on where the first one stopped.
    model.fit(data, epochs=2, steps_per_epoch=2, verbose=0)
    model.fit(iter_once(x, y), steps_per_epoch=1, verbose=0)


def test_a_classifier_weight_needs_a_label():
    x, _ = groups_of_images(4)
    unknown = np.full(12, -1)
    data = tf.data.Dataset.from_tensor_slices((x, unknown)).batch(4)
    for given in ((x, unknown), (x, None), (data, None)):
        with pytest.raises(ValueError, match="`y` must have a label that is not -1"):
            fitted_with(given[1], given[0], classifier_weight=1.0)
    known = tf.data.Dataset.from_tensor_slices((x, np.arange(12) % 3)).batch(4)
    fitted_with(None, known, classifier_weight=1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_clusters": 1}, "`num_clusters` must be .* at least 2.*num_clusters=1"),
        ({"num_clusters": 2.5}, "`num_clusters` must be an integer"),
        ({"noise_dim": 0}, "`noise_dim` must be .* at least 1"),
        ({"noise_dim": 1.5}, "`noise_dim` must be an integer"),
        ({"free_bits": -1.0}, "`free_bits` must be .*>= 0"),
        ({"classifier_weight": -1.0}, "`classifier_weight` must be .*>= 0"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_clusters_are_asked_of_mixtures_alone(binary_images):
    model = zoo_of_models.vae()
    assert model.num_clusters is None
    for call in (
        lambda: model.cluster_probabilities(binary_images),
        lambda: model.sample(1, cluster=0),
    ):
        with pytest.raises(ValueError, match="those of a mixture.*StandardNormal"):
            call()
    for cluster in (3, -1, 1.5):
        with pytest.raises(ValueError, match=f"`cluster` must be .*0..2.*={cluster}"):
            small().sample(1, cluster=cluster)
    assert small(num_clusters=np.int64(4), noise_dim=np.int32(3)).num_clusters == 4
    prior = priors.HierarchicalMixtureOfNormals(3, 2)
    with pytest.raises(ValueError, match="`prior` must be one of z alone"):
        VAE(SHAPE, 2, prior=prior)


@pytest.mark.parametrize("kind", ["one", "tuple", "callback list"])
def test_clusters_start_beside_other_callbacks(kind):
    x, _ = groups_of_images(4)
    seen = []
    other = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(1))
    model = small(initialization=cluster_initializers.KMeans(0, num_restarts=1))
    model.compile("adam", jit_compile=False)
    callbacks = {"one": other, "tuple": (other,)}.get(kind)
    if callbacks is None:
        callbacks = keras.callbacks.CallbackList([other], add_history=True, model=model)
    model.fit(x, epochs=1, verbose=0, callbacks=callbacks)
    assert seen == [1]
    assert not model.prior_layer.awaits_data
