"""What a device needs: bundle, preprocessing, backends, predictor. Never imports TensorFlow, Keras or Typer."""
