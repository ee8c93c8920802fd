-- An app of before leaves it empty, as it is for what came before.
ALTER TABLE uploads
  ADD COLUMN IF NOT EXISTS provenance ENUM('none_found', 'ai_edited', 'ai_generated') NULL COMMENT 'What the original said of a model that made or changed it; NULL: nobody looked [policy:image.report]';
