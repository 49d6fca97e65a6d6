"""Model cards that write themselves, in SageMaker's card schema 0.1.0."""
