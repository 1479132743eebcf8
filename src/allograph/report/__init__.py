"""Result files gathered into one page, with tables, pictures and plots."""
