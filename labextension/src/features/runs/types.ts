/** Short names for the generated types of runs. */
import type { components, operations } from '../../api/_generated';

type Schemas = components['schemas'];

export type RunDetail = Schemas['RunDetail'];
export type MetricSummary = Schemas['MetricSummary'];
export type RunLink = Schemas['RunLink'];
export type Capsule = Schemas['Capsule'];
export type Curve = Schemas['Curve'];
export type Curves = Schemas['Curves'];
export type Artifact = Schemas['Artifact'];
export type ArtifactFolder = Schemas['ArtifactFolder'];
export type ModelFacts = Schemas['ModelFacts'];
export type SignatureField = Schemas['SignatureField'];
export type TablePage = Schemas['TablePage'];
export type ComparedRun = Schemas['ComparedRun'];
export type CodeDiff = Schemas['CodeDiff'];
export type RunPredictions = Schemas['RunPredictions'];
export type Predictions = Schemas['Predictions'];
export type Confusion = Schemas['Confusion'];
export type Importance = Schemas['Importance'];
export type Reproduction = Schemas['Reproduction'];
export type RunsEdited = Schemas['RunsEdited'];
/** Other capabilities compare things too: the operation says which is meant. */
export type Comparison = operations['compareRuns']['responses'][200]['content']['application/json'];

/** What is sent may leave out whatever has a default. */
export type EditRun = Partial<Schemas['EditRun']>;
export type EditRuns = { ids: string[] } & Partial<Omit<Schemas['EditRuns'], 'ids'>>;
