import jupyter from '@jupyter/eslint-plugin';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['labextension/lib/**', 'labextension/dist/**', '**/_generated.ts'] },
  ...tseslint.configs.recommended,
  { plugins: { jupyter } },
  ...jupyter.configs.recommended,
  {
    files: ['labextension/src/**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: [] } } },
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-empty-object-type': 'off',
      '@typescript-eslint/no-redeclare': 'off',
      'no-redeclare': 'off',
      // Models and commands are what activation needs; what is heavy is imported where it is used.
      'jupyter/prefer-lazy-imports': 'off',
      eqeqeq: 'error',
      curly: 'error',
      'max-lines': ['error', { max: 350 }]
    }
  },
  {
    files: ['labextension/src/**/*.test.ts'],
    languageOptions: { parserOptions: { projectService: false, project: './tsconfig.test.json' } },
    rules: { '@typescript-eslint/no-floating-promises': 'off' }
  }
);
