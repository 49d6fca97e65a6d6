import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { ISessionContext } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

const PLUGIN = 'labstudio:capture';
/** Where the kernel has no labstudio nothing happens. */
const LOAD = `
try:
    get_ipython().extension_manager.load_extension("labstudio")
except (ImportError, NameError):
    pass
`;

/** Loads labstudio in the kernels of notebooks, so that their runs are recorded. */
export const capture: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Loads labstudio in Python notebooks, where the setting says so.',
  autoStart: true,
  requires: [INotebookTracker, ISettingRegistry],
  activate: async (
    _app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    registry: ISettingRegistry
  ): Promise<void> => {
    const settings = await registry.load(PLUGIN);
    const load = (context: ISessionContext): void => {
      if (settings.get('autoload').composite === true) {
        void loadIn(context);
      }
    };
    const follow = (context: ISessionContext): void => {
      let restarted = false;
      context.kernelChanged.connect(() => load(context));
      context.statusChanged.connect((_, status) => {
        if (status === 'restarting' || status === 'autorestarting') {
          restarted = true;
        } else if (status === 'idle' && restarted) {
          restarted = false;
          load(context);
        }
      });
      void context.ready.then(() => load(context));
    };
    notebooks.forEach(panel => follow(panel.sessionContext));
    notebooks.widgetAdded.connect((_, panel) => follow(panel.sessionContext));
  }
};

async function loadIn(context: ISessionContext): Promise<void> {
  const kernel = context.session?.kernel;
  if (!kernel || (await kernel.info).language_info.name !== 'python') {
    return;
  }
  const future = kernel.requestExecute({ code: LOAD, silent: true, store_history: false });
  // A kernel that is replaced meanwhile answers nothing, and has nothing to record.
  await future.done.catch(() => undefined);
}
