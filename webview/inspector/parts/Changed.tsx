import { t } from '../../l10n';
import { Icon } from './marks';

/** Says of what was kept what has changed since; nothing where nothing has. */
export function Changed({ recipe, model }: { recipe: boolean; model: boolean }) {
  if (!recipe && !model) return null;
  return (
    <p class="note warning" data-testid="changed-since">
      <Icon name="warning" />
      <span>
        {recipe && t('plans.recipeChanged')} {model && t('plans.modelChanged')}
      </span>
    </p>
  );
}
