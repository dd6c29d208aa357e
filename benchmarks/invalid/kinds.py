"""The kind of an argument, by its name."""

# Which kind an argument is, by its name; of one function alone as "function.name".
KINDS = {
    "num_samples num_steps num_chains num_examples num_components num_restarts "
    "noise_dim latent_dim every num_images columns max_batch_size cpus memory_gib "
    "min_replicas max_replicas num_importance_samples num_imputation_steps version "
    "keep steps_per_epoch batch_size kernel_size num_blocks max_examples dimension "
    "epochs steps labels_per_class num_clusters validation_steps validation_batch_size "
    "steps_per_execution": "count",
    "fit.epochs first_epoch initial_epoch patience warmup_steps num_epochs": "whole",
    "cluster traverse.dimension": "index",
    "seed": "seed",
    "with_few_labels.seed TensorBoardPictures.seed load.seed VAE.seed "
    "BetaVAE.seed Distorted.seed": "integer",
    "per_element per_channel full_covariance normalized labels shuffle is_writer "
    "training on_sphere draw restore_best_weights": "flag",
    "rotation shear zoom translation elastic": "amount",
    "min_scale scale perplexity": "positive",
    "prior_share dropout_rate decoder_dropout_rate ramp validation_split": "share",
    "amount": "number",
    "denoise.noise": "share",
    "beta capacity free_bits classifier_weight": "weight",
    "start stop min_concentration seconds_between warmup_epochs": "amount",
    "x y data.x inputs": "array",
    "conditionals.inputs log_joint.inputs log_prior.inputs": "array or none",
    "conditionals.z log_joint.z log_prior.z infer.z": "draw",
    "objective": "objective",
    "closed_form": "flag",
    "condition": "condition",
    "prior.name posterior.name posterior_parameters.name": "latent",
    # The step hands these on; what is off with them is found where they are made.
    "conditionals features draw_prior.shape draw_prior.inputs infer.features "
    "locations.features compute_loss.y_pred compute_loss.y": "later",
    "interpolate.start interpolate.end z": "latents",
    "analogy.start analogy.end": "array",
    "data reference": "data",
    "model": "model",
    "encoder decoder cluster_network network": "layer",
    "open_held_out.validation_split": "text",
    # Keras' own arguments, and data that are checked when the model is known.
    "EarlyStoppingAfterWarmup.monitor EarlyStoppingAfterWarmup.verbose "
    "EarlyStoppingAfterWarmup.mode EarlyStoppingAfterWarmup.patience "
    "EarlyStoppingAfterWarmup.min_delta EarlyStoppingAfterWarmup.baseline "
    "EarlyStoppingAfterWarmup.restore_best_weights TensorBoardPictures.x": "later",
    "evaluate.y train_on_batch.y test_on_batch.y fit.y": "ignored",
    "posterior prior likelihood noise_posterior": "component",
    "input_shape": "shape",
    "hidden_units filters sizes": "sizes",
    "activation binarize monitor mode upsampling": "choice",
    "name_or_path directory folder output folders log_dir path": "path",
    "images originals reconstructed completed": "images",
    "latents": "images",
    "concentration": "concentration",
    "mean_direction": "direction",
    "total": "sums",
    "class_weight metadata": "dict",
    "callbacks loss metrics optimizer": "objects",
    "split": "split",
    "verbose": "choice",
    "sample_weight": "array",
    "return_dict": "flag",
    "num_parts": "count",
    "num_classes": "count",
    "initialization": "component",
    "name": "text",
    "image load.name data_dir sha256": "text",
}


def kind_of(function, argument):
    """The kind of an argument, or None if the table has none for it."""
    for names, kind in KINDS.items():
        if f"{function}.{argument}" in names.split():
            return kind
    for names, kind in KINDS.items():
        if argument in names.split():
            return kind
    return None
