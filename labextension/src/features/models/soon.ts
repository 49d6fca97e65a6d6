/** Types of cards, until they are generated. */

export interface ISoon {
  Card: {
    id: string | null;

    model: string;

    model_version: number;

    version: number;
    state: ISoon['CardState'];

    content: {
      [key: string]: unknown;
    };

    sources: {
      [key: string]: ISoon['Source'][];
    };

    missing: ISoon['Missing'][];

    stale: boolean;

    stale_reasons: ISoon['StaleReason'][];

    sha256: string;

    user: string | null;

    created_at: string | null;

    updated_at: string | null;

    submitted_by: string | null;

    decided_by: string | null;

    decided_at: string | null;

    comment: string | null;
  };
  CardSummary: {
    id: string;

    version: number;
    state: ISoon['CardState'];

    risk: ('High' | 'Medium' | 'Low' | 'Unknown') | null;

    user: string;

    created_at: string;

    updated_at: string;

    decided_by: string | null;

    decided_at: string | null;

    comment: string | null;

    sha256: string;
  };
  DashboardItem: {
    model: string;

    version: number | null;

    alias: string | null;

    latest_version: number | null;

    approved: boolean;

    pending: number;

    card_state: string | null;

    card_stale: boolean;

    stale_reasons: string[];

    missing: number;

    risk: string | null;

    evaluated_at: string | null;

    evaluation: {
      [key: string]: number;
    };

    evaluation_run: string | null;

    bias: string;

    drift: string;

    endpoint: string | null;

    updated_at: string;
  };
  Missing: {
    field: string;

    pointer: string;

    label: string;

    help: string;

    required: boolean;
  };
  Source: {
    kind: 'run' | 'cell' | 'data' | 'report' | 'model' | 'person';

    object: string;

    label: string;

    run_id: string | null;

    notebook: string | null;

    cell: number | null;

    sha256: string | null;
  };
  StaleReason: {
    object: string;

    label: string;

    was: string | null;

    now: string | null;

    message: string;
  };
  UpdateCard: {
    sha256: string;

    model_description: string | null;

    model_owner: string | null;

    model_creator: string | null;

    problem_type: string | null;

    algorithm_type: string | null;

    purpose_of_model: string | null;

    intended_uses: string | null;

    factors_affecting_model_efficiency: string | null;

    risk_rating: ('High' | 'Medium' | 'Low' | 'Unknown') | null;

    explanations_for_risk_rating: string | null;

    business_problem: string | null;

    business_stakeholders: string | null;

    line_of_business: string | null;

    training_observations: string | null;

    evaluation_observation: string | null;

    ethical_considerations: string | null;

    caveats_and_recommendations: string | null;

    custom_details: {
      [key: string]: string;
    } | null;
  };
  CardState: 'draft' | 'pending' | 'approved' | 'rejected' | 'archived';
}
