import type { TranslationBundle } from '@jupyterlab/translation';

/** A card's state in the reader's language. */
export function cardWord(state: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    draft: trans.__('Draft'),
    pending: trans.__('In review'),
    approved: trans.__('Approved'),
    rejected: trans.__('Rejected'),
    archived: trans.__('Archived')
  };
  return words[state] ?? state;
}

export function riskWord(risk: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    High: trans.__('High'),
    Medium: trans.__('Medium'),
    Low: trans.__('Low'),
    Unknown: trans.__('Unknown')
  };
  return words[risk] ?? risk;
}

/** A key of SageMaker's card schema, as a heading or label. */
export function keyWord(key: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    model_overview: trans.__('The model'),
    model_description: trans.__('Description'),
    model_owner: trans.__('Owner'),
    model_creator: trans.__('Creator'),
    model_artifact: trans.__('Artifact'),
    model_name: trans.__('Name'),
    model_version: trans.__('Version'),
    model_id: trans.__('Id'),
    problem_type: trans.__('Problem'),
    algorithm_type: trans.__('Algorithm'),
    inference_environment: trans.__('Runs in'),
    container_image: trans.__('Image'),
    intended_uses: trans.__('Intended uses'),
    purpose_of_model: trans.__('Purpose'),
    factors_affecting_model_efficiency: trans.__('What affects it'),
    risk_rating: trans.__('Risk'),
    explanations_for_risk_rating: trans.__('Why this risk'),
    business_details: trans.__('Business'),
    business_problem: trans.__('Problem to solve'),
    business_stakeholders: trans.__('Stakeholders'),
    line_of_business: trans.__('Line of business'),
    training_details: trans.__('Training'),
    objective_function: trans.__('Objective'),
    training_observations: trans.__('Observations on training'),
    training_job_details: trans.__('Training job'),
    training_arn: trans.__('Trained by'),
    training_datasets: trans.__('Data'),
    training_environment: trans.__('Trained in'),
    training_metrics: trans.__('Metrics'),
    user_provided_training_metrics: trans.__('Metrics given by hand'),
    hyper_parameters: trans.__('Hyperparameters'),
    user_provided_hyper_parameters: trans.__('Hyperparameters given by hand'),
    evaluation_details: trans.__('Evaluation'),
    evaluation_observation: trans.__('Observations on evaluation'),
    evaluation_job_arn: trans.__('Evaluated by'),
    datasets: trans.__('Data'),
    metadata: trans.__('Facts'),
    metric_groups: trans.__('Metrics'),
    additional_information: trans.__('More'),
    ethical_considerations: trans.__('Ethical considerations'),
    caveats_and_recommendations: trans.__('Caveats and recommendations'),
    custom_details: trans.__('Details')
  };
  const plain = key.replace(/_/g, ' ');
  return words[key] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}
